package org.tune4j.adapters.lora;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.tune4j.adapters.PathPattern;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.JsonFields;

/**
 * The fields of {@code adapter_config.json} that PEFT's {@code LoraConfig} has. Which modules a
 * saved adapter adapts is said by its tensors' names; {@code exclude_modules}, {@code
 * layers_to_transform} and a regular expression in {@code target_modules} are not needed to read
 * it.
 */
final class LoraFields {
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

  private LoraFields() {}

  /**
   * Reads all but the targets.
   *
   * @param modules that the adapter's tensors adapt
   * @throws org.tune4j.InputException if a field is missing or ill-typed, or asks for something
   *     that is not supported
   */
  static LoraConfig read(JsonFields json, List<String> modules) {
    if (!json.optionalText("task_type").orElse("CAUSAL_LM").equals("CAUSAL_LM")) {
      throw json.wrong("task_type", "\"CAUSAL_LM\"");
    }
    if (!json.optionalText("bias").orElse("none").equals("none")) {
      throw json.wrong("bias", "\"none\"; trained biases are not supported, " + SavedAdapter.MERGE);
    }
    if (json.flag("use_dora", false)) {
      throw json.wrong("use_dora", "false; DoRA is not supported yet, " + SavedAdapter.MERGE);
    }
    refuseUnsupported(json);
    return new LoraConfig(
        TargetModules.of(modules),
        json.positive("r"),
        json.positiveDecimal("lora_alpha"),
        dropout(json),
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
            field,
            "null, false or empty; this option of PEFT is not supported, " + SavedAdapter.MERGE);
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
   * The fields that PEFT 0.15 and later know, since each version refuses fields that it does not.
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
    fields.put("alpha_pattern", numbers(config.alphaPattern()));
    fields.put("bias", "none");
    fields.put("fan_in_fan_out", false);
    fields.put("inference_mode", true);
    fields.put("init_lora_weights", true);
    fields.put("loftq_config", Map.of());
    fields.put("lora_alpha", number(config.alpha()));
    fields.put("lora_bias", false);
    fields.put("lora_dropout", config.dropout());
    fields.put("megatron_core", "megatron.core");
    fields.put("peft_type", LoraType.PEFT_TYPE);
    fields.put("r", config.rank());
    fields.put("rank_pattern", config.rankPattern());
    fields.put("target_modules", targetModules);
    fields.put("task_type", "CAUSAL_LM");
    fields.put("use_dora", false);
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
