package org.tune4j.adapters.lora;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.PathPattern;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.JsonFields;

/**
 * The fields of {@code adapter_config.json} that PEFT 0.21's {@code LoraConfig} has: each is
 * honoured, refused by name, or changes nothing once an adapter is saved. Which linears a saved
 * adapter adapts is said by its tensors' names; {@code exclude_modules}, {@code
 * layers_to_transform} and a regular expression in {@code target_modules} are not needed to read
 * it.
 */
final class LoraFields {
  /** PEFT's default of {@code r} and {@code lora_alpha}. */
  private static final int DEFAULT = 8;

  /** Fields that change what an adapter computes; each must be null, false or empty. */
  private static final List<String> UNSUPPORTED =
      List.of(
          "layer_replication",
          "use_qalora",
          "use_bdlora",
          "arrow_config",
          "alora_invocation_tokens",
          "kasa_config",
          "monteclora_config",
          "velora_config",
          "megatron_config");

  /** Initialisations after which base and adapter are those of LoRA. */
  private static final List<String> PLAIN_INIT = List.of("gaussian", "eva", "orthogonal");

  private LoraFields() {}

  /**
   * Reads all but the targets.
   *
   * @throws org.tune4j.InputException if a field is ill-typed, or asks for something that is not
   *     supported
   */
  static LoraConfig read(JsonFields json) {
    boolean unused = SavedAdapter.isClassifier(json); // or for tokens, and for nothing else
    if (!json.optionalText("bias").orElse("none").equals("none")) {
      throw json.wrong("bias", "\"none\"; trained biases are not supported, " + SavedAdapter.MERGE);
    }
    for (String field : UNSUPPORTED) {
      if (!unset(json.value(field))) {
        throw json.wrong(
            field,
            "null, false or empty; this option of PEFT is not supported, " + SavedAdapter.MERGE);
      }
    }
    return new LoraConfig(
        TargetModules.of(List.of()),
        json.positive("r", DEFAULT),
        json.positiveDecimal("lora_alpha", DEFAULT),
        dropout(json),
        json.flag("use_rslora", false),
        pattern(json, "rank_pattern", (of, key) -> of.positive(key)),
        pattern(json, "alpha_pattern", (of, key) -> of.positiveDecimal(key)),
        new LoraVariant(
            json.flag("use_dora", false), json.flag("lora_bias", false), init(json), false),
        new LoraConfig.Beside(
            names(json, "target_parameters", "[\"mlp.experts.gate_up_proj\"]"),
            ModulesToSave.read(json),
            tokens(json)));
  }

  private static boolean unset(@Nullable JsonNode value) {
    return value == null
        || (value.isContainerNode() && value.isEmpty())
        || (value.isBoolean() && !value.booleanValue());
  }

  private static LoraInit init(JsonFields json) {
    JsonNode init = json.value("init_lora_weights");
    if (init == null || init.isBoolean()) {
      return LoraInit.TRUE;
    }
    String name = json.text("init_lora_weights").toLowerCase(Locale.ROOT);
    if (PLAIN_INIT.contains(name)) {
      return LoraInit.TRUE;
    }
    return LoraInit.of(name)
        .orElseThrow(
            () ->
                json.wrong(
                    "init_lora_weights",
                    "true, gaussian, eva, orthogonal, pissa or olora; this one changes the base"
                        + " model, convert the adapter with PEFT's"
                        + " path_initial_model_for_weight_conversion"));
  }

  private static List<String> names(JsonFields json, String field, String example) {
    JsonNode value = json.value(field);
    List<String> names = new ArrayList<>();
    if (value != null && value.isArray()) {
      value.forEach(name -> names.add(name.isTextual() ? name.textValue() : ""));
    }
    if (names.contains("") || (value != null && !value.isArray())) {
      throw json.wrong(field, "a list of names such as " + example);
    }
    return names;
  }

  /** A list is of the model's embedding, an object has lists by the embeddings' names. */
  private static Map<String, List<Integer>> tokens(JsonFields json) {
    JsonNode value = json.value("trainable_token_indices");
    Map<String, List<Integer>> tokens = new LinkedHashMap<>();
    if (value == null || unset(value)) {
      return tokens;
    }
    if (value.isArray()) {
      tokens.put(LoraConfig.Beside.EMBEDDING, indices(json, value));
    } else {
      value.properties().forEach(e -> tokens.put(e.getKey(), indices(json, e.getValue())));
    }
    return tokens;
  }

  private static List<Integer> indices(JsonFields json, JsonNode list) {
    List<Integer> indices = new ArrayList<>();
    list.forEach(i -> indices.add(i.isInt() ? i.intValue() : -1));
    if (indices.isEmpty() || indices.stream().anyMatch(i -> i < 0)) {
      throw json.wrong(
          "trainable_token_indices",
          "a list of token ids, or an object of such lists by the embedding's name");
    }
    return indices;
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

  /**
   * The target modules where they are listed; empty where a regular expression or null leaves them
   * to the tensors' names.
   */
  static List<String> targetModules(JsonFields json) {
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
   * The fields that PEFT 0.15 and later know, since each version refuses fields that it does not;
   * newer ones where they are set.
   */
  static Map<String, Object> write(LoraConfig config, List<String> targetModules) {
    Map<String, Object> fields = new TreeMap<>();
    for (String unset :
        Arrays.asList(
            "auto_mapping",
            "corda_config",
            "eva_config",
            "exclude_modules",
            "layer_replication",
            "layers_pattern",
            "layers_to_transform",
            "megatron_config",
            "modules_to_save",
            "revision",
            "trainable_token_indices")) {
      fields.put(unset, null);
    }
    LoraConfig.Beside beside = config.beside();
    if (!beside.parameters().isEmpty()) {
      fields.put("target_parameters", beside.parameters());
    }
    if (!beside.modules().names().isEmpty()) {
      fields.put("modules_to_save", beside.modules().names());
    }
    if (beside.modules().tied()) {
      fields.put("ensure_weight_tying", true);
    }
    if (!beside.tokens().isEmpty()) {
      List<Integer> own = beside.tokens().get(LoraConfig.Beside.EMBEDDING);
      fields.put("trainable_token_indices", own == null ? beside.tokens() : own);
    }
    fields.put("alpha_pattern", numbers(config.alphaPattern()));
    fields.put("bias", "none");
    fields.put("fan_in_fan_out", false);
    fields.put("inference_mode", true);
    LoraInit init = config.variant().init();
    fields.put("init_lora_weights", init == LoraInit.TRUE ? (Object) true : init.toString());
    fields.put("loftq_config", Map.of());
    fields.put("lora_alpha", number(config.alpha()));
    fields.put("lora_bias", config.variant().bias());
    fields.put("lora_dropout", config.dropout());
    fields.put("megatron_core", "megatron.core");
    fields.put("peft_type", LoraType.PEFT_TYPE);
    fields.put("r", config.rank());
    fields.put("rank_pattern", config.rankPattern());
    fields.put("target_modules", targetModules);
    fields.put(SavedAdapter.TASK_TYPE, SavedAdapter.TOKENS);
    fields.put("use_dora", config.variant().dora());
    fields.put("use_rslora", config.useRslora());
    return fields;
  }

  private static Map<String, Object> numbers(Map<String, Double> values) {
    Map<String, Object> numbers = new LinkedHashMap<>();
    values.forEach((key, value) -> numbers.put(key, number(value)));
    return numbers;
  }

  /** Whole numbers without a point. */
  private static Object number(double value) {
    return value == Math.rint(value) && value <= Integer.MAX_VALUE
        ? (Object) (int) value
        : (Object) value;
  }
}
