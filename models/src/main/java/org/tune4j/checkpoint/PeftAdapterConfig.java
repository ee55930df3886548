package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * PEFT's {@code adapter_config.json} of a LoRA or DoRA adapter for causal language models.
 *
 * @param rank at least 1 ({@code r})
 * @param alpha above 0 ({@code lora_alpha}); the adapter is scaled by alpha / rank
 * @param dropout at least 0 and below 1 ({@code lora_dropout})
 * @param targetModules last names, or paths, of the adapted modules; not empty
 * @param useDora whether the adapter has magnitudes
 * @param baseModel name or path of the base model, null if unsaid
 */
public record PeftAdapterConfig(
    int rank,
    double alpha,
    double dropout,
    List<String> targetModules,
    boolean useDora,
    @Nullable String baseModel) {

  /** The file's name in an adapter's folder. */
  public static final String FILE = "adapter_config.json";

  /** Fields that change what an adapter computes; each must be null, false or empty. */
  private static final List<String> UNSUPPORTED =
      List.of(
          "use_rslora",
          "rank_pattern",
          "alpha_pattern",
          "modules_to_save",
          "fan_in_fan_out",
          "lora_bias",
          "layers_to_transform",
          "layer_replication",
          "exclude_modules",
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
  private static final String CHANGES_BASE = "(pissa.*|olora|corda|loftq|lora_ga)";

  /**
   * Checks the values.
   *
   * @param rank at least 1
   * @param alpha above 0, finite
   * @param dropout at least 0 and below 1
   * @param targetModules not empty; is copied
   * @param useDora whether the adapter has magnitudes
   * @param baseModel null if unsaid
   * @throws UsageException if a value is out of its range
   */
  public PeftAdapterConfig {
    targetModules = List.copyOf(targetModules);
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
    if (targetModules.isEmpty()) {
      throw new UsageException("The adapter has no target modules, expected at least one");
    }
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
      throw json.wrong("peft_type", "\"LORA\"; no other adapter is supported");
    }
    if (!json.optionalText("task_type").orElse("CAUSAL_LM").equals("CAUSAL_LM")) {
      throw json.wrong("task_type", "\"CAUSAL_LM\"");
    }
    if (!json.optionalText("bias").orElse("none").equals("none")) {
      throw json.wrong("bias", "\"none\"; trained biases are not supported");
    }
    refuseUnsupported(json);
    return new PeftAdapterConfig(
        json.positive("r"),
        json.positiveDecimal("lora_alpha"),
        dropout(json),
        targetModules(json),
        json.flag("use_dora", false),
        json.optionalText("base_model_name_or_path").orElse(null));
  }

  private static void refuseUnsupported(JsonFields json) {
    for (String field : UNSUPPORTED) {
      JsonNode value = json.value(field);
      boolean unset =
          value == null
              || (value.isContainerNode() && value.isEmpty())
              || (value.isBoolean() && !value.booleanValue());
      if (!unset) {
        throw json.wrong(field, "null, false or empty; this option of PEFT is not supported");
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

  private static List<String> targetModules(JsonFields json) {
    String expected = "a list of module names such as [\"q_proj\",\"v_proj\"]";
    JsonNode value = json.value("target_modules");
    List<String> names = new ArrayList<>();
    if (value != null && value.isArray()) {
      value.forEach(name -> names.add(name.isTextual() ? name.textValue() : ""));
    }
    if (names.isEmpty() || names.contains("")) {
      throw json.wrong("target_modules", expected);
    }
    return names;
  }

  /** Whether a module of the base model is adapted: its path is a target or ends with one. */
  boolean targets(String module) {
    return targetModules.stream()
        .anyMatch(target -> module.equals(target) || module.endsWith("." + target));
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
    json.putObject("alpha_pattern");
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
    if (alpha == Math.rint(alpha) && alpha <= Integer.MAX_VALUE) {
      json.put("lora_alpha", (int) alpha);
    } else {
      json.put("lora_alpha", alpha);
    }
    json.put("lora_bias", false);
    json.put("lora_dropout", dropout);
    json.putNull("megatron_config");
    json.put("megatron_core", "megatron.core");
    json.putNull("modules_to_save");
    json.put("peft_type", "LORA");
    json.put("r", rank);
    json.putObject("rank_pattern");
    json.putNull("revision");
    ArrayNode targets = json.putArray("target_modules");
    targetModules.forEach(targets::add);
    json.put("task_type", "CAUSAL_LM");
    json.putNull("trainable_token_indices");
    json.put("use_dora", useDora);
    json.put("use_rslora", false);
    return ShardPlan.pretty(json);
  }
}
