package org.tune4j.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * torchtune's keys and components that have no counterpart here. A key that changes no result is
 * accepted; a component that would is refused in words.
 */
final class Torchtune {
  /** Keys of the top level that do nothing here, and what there is instead. */
  private static final Map<String, String> KEYS = new LinkedHashMap<>();

  /**
   * Switches of torchtune and of torch's optimisers that nothing here has. Off, they ask for what
   * is done anyway.
   */
  private static final Set<String> SWITCHES =
      Set.of(
          // Recipes.
          "ac_mode",
          "ac_option",
          "context_parallel_dim",
          "data_parallel_replicate_dim",
          "data_parallel_shard_dim",
          "early_exit_loss",
          "enable_fp8_training",
          "fake_quant_after_n_steps",
          "fp8_recipe_name",
          "fsdp_cpu_offload",
          "fsdp_reshard_after_forward",
          "layer_dropout",
          "memory_efficient_fsdp_wrap",
          "quantizer",
          "save_last_epoch_only",
          "tensor_parallel_dim",
          "tensor_parallel_plan",
          // Optimisers.
          "amsgrad",
          "capturable",
          "dampening",
          "differentiable",
          "foreach",
          "fused",
          "maximize",
          "nesterov",
          // Schedules.
          "last_epoch",
          // Models.
          "apply_lora_to_mlp",
          "apply_lora_to_output",
          "quantize_base",
          "use_dora",
          // Data sets.
          "filter_fn",
          "streaming",
          "trust_remote_code");

  /** Numbers that mean off, by the end of the switch's name. */
  private static final Map<String, Set<String>> OFF_NUMBERS =
      Map.of(
          "_dim", Set.of("1", "-1"), "dampening", Set.of("0", "0.0"), "last_epoch", Set.of("-1"));

  /** Beginnings of components' names, and why these are refused. */
  private static final Map<String, String> REFUSED = new LinkedHashMap<>();

  static {
    KEYS.put("compile", "the backend's kernels are used as they are");
    KEYS.put("profiler", "seconds and rss_mb of every step are in metrics.jsonl");
    KEYS.put(
        "enable_activation_offloading",
        "enable_activation_checkpointing is what saves activation memory");
    KEYS.put("enable_async_checkpointing", "checkpoints are always written in the background");
    KEYS.put("custom_sharded_layers", "one device holds the whole model");
    KEYS.put("low_cpu_ram", "weights are mapped from the file");
    KEYS.put("cudnn_deterministic_mode", "runs with the same seed are always identical on a CPU");
    KEYS.put("log_peak_memory_stats", "rss_mb of every step is in metrics.jsonl");
    KEYS.put("log_level", "progress and errors are always printed");

    REFUSED.put(
        "torchtune.training.FullModelMetaCheckpointer",
        "reads Meta's files; use hf_checkpointer with the model's Hugging Face folder");
    REFUSED.put(
        "torchtune.training.FullModelTorchTuneCheckpointer",
        "reads torchtune's own files; use hf_checkpointer with the model's Hugging Face folder");
    REFUSED.put(
        "torchtune.training.DistributedCheckpointer",
        "reads torchtune's own files; use hf_checkpointer with the model's Hugging Face folder");
    REFUSED.put(
        "bitsandbytes.",
        "keeps the optimiser's state in another dtype, which changes the updates; use adamw");
    REFUSED.put(
        "torchao.",
        "keeps the optimiser's state in another dtype, which changes the updates; use adamw");
  }

  private Torchtune() {}

  /** The keys that are accepted and do nothing. */
  static Set<String> keys() {
    return KEYS.keySet();
  }

  /**
   * Whether a key of any section is a switch that nothing here has, and off.
   *
   * @param key its name
   * @param value what it is set to
   */
  static boolean isSwitchedOff(String key, Node value) {
    return SWITCHES.contains(key) && (isOff(value) || isOffNumber(key, value));
  }

  /** Whether a value is null, false or empty. */
  static boolean isOff(Node value) {
    if (value instanceof Node.Scalar s) {
      return s.isNull() || s.text().isEmpty() || s.text().equalsIgnoreCase("false");
    }
    return value instanceof Node.Section s
        ? s.entries().isEmpty()
        : ((Node.Sequence) value).items().isEmpty();
  }

  private static boolean isOffNumber(String key, Node value) {
    return value instanceof Node.Scalar s
        && OFF_NUMBERS.entrySet().stream()
            .anyMatch(e -> key.endsWith(e.getKey()) && e.getValue().contains(s.text()));
  }

  /**
   * A line for each key that asks for something and gets nothing, with its place.
   *
   * @param root the whole config
   */
  static List<String> notes(Node.Section root) {
    List<String> notes = new ArrayList<>();
    root.entries()
        .forEach(
            (key, value) -> {
              String instead = KEYS.get(key);
              if (instead != null && !key.startsWith("log_") && asks(value)) {
                notes.add("%s: key '%s' has no effect: %s".formatted(value.origin(), key, instead));
              }
            });
    return notes;
  }

  /** Whether a value is more than an absent or a switched-off one. */
  private static boolean asks(Node value) {
    if (value instanceof Node.Scalar) {
      return !isOff(value);
    }
    if (value instanceof Node.Section s) {
      Node enabled = s.entries().get("enabled");
      return enabled == null || asks(enabled);
    }
    return true;
  }

  /**
   * Why a component of torchtune's world is refused, after a blank; empty for any other.
   *
   * @param names what could stand there instead
   */
  static String refusal(String component, Collection<String> names) {
    String last = last(component);
    if (last.startsWith("qlora_")) {
      String lora = last.substring(1);
      return "; QLoRA is not supported yet" + (names.contains(lora) ? ": use " + lora : "");
    }
    return REFUSED.entrySet().stream()
        .filter(e -> component.startsWith(e.getKey()))
        .map(e -> "; it " + e.getValue())
        .findFirst()
        .orElse("");
  }

  /** A dotted name's last part. */
  static String last(String dotted) {
    return dotted.substring(dotted.lastIndexOf('.') + 1);
  }
}
