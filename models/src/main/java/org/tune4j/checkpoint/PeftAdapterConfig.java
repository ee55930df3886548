package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * PEFT's {@code adapter_config.json} of a LoRA or DoRA adapter for causal language models. Which
 * modules a saved adapter adapts is said by its tensors' names; {@code exclude_modules}, {@code
 * layers_to_transform} and a regular expression in {@code target_modules} are not needed to read
 * it.
 *
 * @param rank at least 1 ({@code r})
 * @param alpha above 0 ({@code lora_alpha}); the adapter is scaled by alpha / rank
 * @param dropout at least 0 and below 1 ({@code lora_dropout})
 * @param targetModules last names, or paths, of the adapted modules; empty where the file has no
 *     list of names
 * @param useDora whether the adapter has magnitudes
 * @param baseModel name or path of the base model, null if unsaid
 * @param useRslora whether the adapter is scaled by alpha / sqrt(rank) instead
 * @param rankPattern ranks of modules that have another, by the end of their path as a regular
 *     expression; the first that matches counts
 * @param alphaPattern alphas of modules that have another, likewise
 */
public record PeftAdapterConfig(
    int rank,
    double alpha,
    double dropout,
    List<String> targetModules,
    boolean useDora,
    @Nullable String baseModel,
    boolean useRslora,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern) {

  /** The file's name in an adapter's folder. */
  public static final String FILE = "adapter_config.json";

  /** What to do with an adapter of a kind that is not supported. */
  public static final String MERGE =
      "merge the adapter into its base model with PEFT's merge_and_unload and use that model";

  /** Fields that change what an adapter computes; each must be null, false or empty. */
  private static final List<String> UNSUPPORTED =
      List.of(
          "modules_to_save",
          "lora_bias",
          "layer_replication",
          "target_parameters",
          "trainable_token_indices",
          "use_qalora",
          "use_bdlora",
          "arrow_config",
          "alora_invocation_tokens",
          "kasa_config",
          "monteclora_config",
          "velora_config",
          "megatron_config");

  /** Initialisations that change the base model's weights, so that the adapter fits no other. */
  private static final String CHANGES_BASE = "(?i)(pissa.*|olora|corda.*|loftq|lora_ga)";

  /**
   * Checks the values.
   *
   * @param rank at least 1
   * @param alpha above 0, finite
   * @param dropout at least 0 and below 1
   * @param targetModules is copied
   * @param useDora whether the adapter has magnitudes
   * @param baseModel null if unsaid
   * @param useRslora whether the adapter is scaled by alpha / sqrt(rank)
   * @param rankPattern is copied
   * @param alphaPattern is copied
   * @throws UsageException if a value is out of its range
   */
  public PeftAdapterConfig {
    targetModules = List.copyOf(targetModules);
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    if (rank < 1) {
      throw new UsageException("The LoRA rank is " + rank + ", expected at least 1");
    }
    if (!(alpha > 0) || Double.isInfinite(alpha)) {
      throw new UsageException("The LoRA alpha is " + alpha + ", expected a number above 0");
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new UsageException(
          "The LoRA dropout is " + dropout + ", expected at least 0 and below 1");
    }
  }

  /**
   * One whose modules all have the same rank and alpha.
   *
   * @param rank at least 1
   * @param alpha above 0, finite
   * @param dropout at least 0 and below 1
   * @param targetModules is copied
   * @param useDora whether the adapter has magnitudes
   * @param baseModel null if unsaid
   * @throws UsageException if a value is out of its range
   */
  public PeftAdapterConfig(
      int rank,
      double alpha,
      double dropout,
      List<String> targetModules,
      boolean useDora,
      @Nullable String baseModel) {
    this(rank, alpha, dropout, targetModules, useDora, baseModel, false, Map.of(), Map.of());
  }

  /**
   * Reads and checks the file.
   *
   * @throws InputException if it cannot be read, a field is missing or ill-typed, or the adapter is
   *     of a kind that is not supported
   */
  static PeftAdapterConfig read(Path file) {
    if (!Files.exists(file)) {
      throw new InputException(
          file
              + " does not exist; an adapter is adapter_model.safetensors with "
              + FILE
              + " beside");
    }
    JsonFields json = JsonFields.read(file);
    if (!json.text("peft_type").equals("LORA")) {
      throw json.wrong("peft_type", "\"LORA\"; no other adapter is supported, " + MERGE);
    }
    if (!json.optionalText("task_type").orElse("CAUSAL_LM").equals("CAUSAL_LM")) {
      throw json.wrong("task_type", "\"CAUSAL_LM\"");
    }
    if (!json.optionalText("bias").orElse("none").equals("none")) {
      throw json.wrong("bias", "\"none\"; trained biases are not supported, " + MERGE);
    }
    refuseUnsupported(json);
    return new PeftAdapterConfig(
        json.positive("r"),
        json.positiveDecimal("lora_alpha"),
        dropout(json),
        targetModules(json),
        json.flag("use_dora", false),
        json.optionalText("base_model_name_or_path").orElse(null),
        json.flag("use_rslora", false),
        pattern(json, "rank_pattern", (of, key) -> of.positive(key)),
        pattern(json, "alpha_pattern", (of, key) -> of.positiveDecimal(key)));
  }

  private static void refuseUnsupported(JsonFields json) {
    for (String field : UNSUPPORTED) {
      JsonNode value = json.value(field);
      boolean unset =
          value == null
              || (value.isContainerNode() && value.isEmpty())
              || (value.isBoolean() && !value.booleanValue());
      if (!unset) {
        throw json.wrong(
            field, "null, false or empty; this option of PEFT is not supported, " + MERGE);
      }
    }
    JsonNode init = json.value("init_lora_weights");
    if (init != null && init.isTextual() && init.textValue().matches(CHANGES_BASE)) {
      throw json.wrong(
          "init_lora_weights",
          "true; this initialisation changes the base model, convert the adapter with PEFT's"
              + " path_initial_model_for_weight_conversion");
    }
  }

  private static double dropout(JsonFields json) {
    JsonNode value = json.value("lora_dropout");
    if (value == null) {
      return 0;
    }
    if (!value.isNumber() || !(value.doubleValue() >= 0 && value.doubleValue() < 1)) {
      throw json.wrong("lora_dropout", "a number of at least 0 and below 1");
    }
    return value.doubleValue();
  }

  private static <T> Map<String, T> pattern(
      JsonFields json, String field, BiFunction<JsonFields, String, T> value) {
    Map<String, T> pattern = new LinkedHashMap<>();
    if (json.has(field)) {
      JsonFields values = json.object(field);
      for (String key : values.toMap().keySet()) {
        if (!PathPattern.isValid(key)) {
          throw json.wrong(field, "names, paths or regular expressions of at most 1000 characters");
        }
        pattern.put(key, value.apply(values, key));
      }
    }
    return pattern;
  }

  /** The names of a list; a regular expression and null leave it to the tensors' names. */
  private static List<String> targetModules(JsonFields json) {
    JsonNode value = json.value("target_modules");
    List<String> names = new ArrayList<>();
    if (value != null && value.isArray()) {
      value.forEach(name -> names.add(name.isTextual() ? name.textValue() : ""));
    }
    if (names.contains("") || (value != null && !value.isArray() && !value.isTextual())) {
      throw json.wrong(
          "target_modules",
          "a list of module names such as [\"q_proj\",\"v_proj\"], or a regular expression");
    }
    return names;
  }

  /**
   * Whether a module of the base model is adapted, as far as names are listed: its path is a target
   * or ends with one.
   */
  boolean targets(String module) {
    return targetModules.isEmpty()
        || targetModules.stream()
            .anyMatch(target -> module.equals(target) || module.endsWith("." + target));
  }

  /**
   * {@return the rank of a module}
   *
   * @param module path in the base model
   * @throws InputException if a pattern takes too long to match
   */
  public int rank(String module) {
    return PathPattern.first(rankPattern, module).orElse(rank);
  }

  /**
   * {@return the alpha of a module}
   *
   * @param module path in the base model
   * @throws InputException if a pattern takes too long to match
   */
  public double alpha(String module) {
    return PathPattern.first(alphaPattern, module).orElse(alpha);
  }

  /**
   * Writes {@link #FILE} into the folder: the fields that PEFT 0.15 and later know, since each
   * version refuses fields that it does not.
   *
   * @param folder exists; a file of that name is replaced
   * @throws org.tune4j.EnvironmentException if it cannot be written
   */
  public void write(Path folder) {
    AtomicFile.write(folder.resolve(FILE), toJson());
  }

  /** In order of the names, as PEFT writes them. */
  String toJson() {
    ObjectNode json = JsonFields.MAPPER.createObjectNode();
    ObjectNode alphas = json.putObject("alpha_pattern");
    alphaPattern.forEach((module, other) -> putNumber(alphas, module, other));
    json.putNull("auto_mapping");
    json.put("base_model_name_or_path", baseModel);
    json.put("bias", "none");
    json.putNull("corda_config");
    json.putNull("eva_config");
    json.putNull("exclude_modules");
    json.put("fan_in_fan_out", false);
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    json.putNull("layer_replication");
    json.putNull("layers_pattern");
    json.putNull("layers_to_transform");
    json.putObject("loftq_config");
    putNumber(json, "lora_alpha", alpha);
    json.put("lora_bias", false);
    json.put("lora_dropout", dropout);
    json.putNull("megatron_config");
    json.put("megatron_core", "megatron.core");
    json.putNull("modules_to_save");
    json.put("peft_type", "LORA");
    json.put("r", rank);
    ObjectNode ranks = json.putObject("rank_pattern");
    rankPattern.forEach(ranks::put);
    json.putNull("revision");
    ArrayNode targets = json.putArray("target_modules");
    targetModules.forEach(targets::add);
    json.put("task_type", "CAUSAL_LM");
    json.putNull("trainable_token_indices");
    json.put("use_dora", useDora);
    json.put("use_rslora", useRslora);
    return ShardPlan.pretty(json);
  }

  private static void putNumber(ObjectNode json, String field, double value) {
    if (value == Math.rint(value) && value <= Integer.MAX_VALUE) {
      json.put(field, (int) value);
    } else {
      json.put(field, value);
    }
  }
}
