package org.tune4j.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * torchtune's keys that do nothing here, and its components that others stand for. {@link
 * Unsupported} has what is refused.
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
          "apply_chat_template",
          "context_parallel_dim",
          "data_parallel_replicate_dim",
          "data_parallel_shard_dim",
          "early_exit_loss",
          "enable_fp8_training",
          "fake_quant_after_n_steps",
          "keep_last_n_checkpoints",
          "fp8_recipe_name",
          "layer_dropout",
          "quantizer",
          "save_last_epoch_only",
          "tensor_parallel_dim",
          // Optimisers.
          "amsgrad",
          "dampening",
          "differentiable",
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

  /** Switches of torch's optimisers that choose how an update is computed, and not what. */
  private static final Set<String> IMPLEMENTATIONS = Set.of("capturable", "foreach", "fused");

  /** Numbers that mean off, by the end of the switch's name. */
  private static final Map<String, Set<String>> OFF_NUMBERS =
      Map.of(
          "_dim", Set.of("1", "-1"), "dampening", Set.of("0", "0.0"), "last_epoch", Set.of("-1"));

  /** Components that do another thing here than in torchtune, and what that changes. */
  private static final Map<String, String> STAND_INS = new LinkedHashMap<>();

  static {
    KEYS.put("compile", "the backend's kernels are used as they are");
    KEYS.put("profiler", "seconds and rss_mb of every step are in metrics.jsonl");
    KEYS.put(
        "enable_activation_offloading",
        "enable_activation_checkpointing is what saves activation memory");
    KEYS.put("enable_async_checkpointing", "checkpoints are always written in the background");
    KEYS.put("custom_sharded_layers", "fsdp shards every layer, the embedding and the head");
    String shards = "the weights' shards are kept where they are computed with";
    KEYS.put("fsdp_cpu_offload", shards);
    KEYS.put("fsdp_reshard_after_forward", shards);
    KEYS.put("memory_efficient_fsdp_wrap", shards);
    KEYS.put("tensor_parallel_plan", "ranks share a model with strategy=fsdp");
    KEYS.put("ac_mode", "enable_activation_checkpointing recomputes every layer");
    KEYS.put("ac_option", "enable_activation_checkpointing recomputes every layer");
    KEYS.put("low_cpu_ram", "weights are mapped from the file");
    KEYS.put("use_distributed_state_dict", "weights are mapped from the file");
    KEYS.put("use_flex", "the backend's attention is used as it is");
    KEYS.put("cudnn_deterministic_mode", "runs with the same seed are always identical on a CPU");
    KEYS.put("log_peak_memory_stats", "rss_mb of every step is in metrics.jsonl");
    KEYS.put("log_level", "progress and errors are always printed");

    String adamw = "is adamw here: its state has the parameters' dtype and stays in memory";
    STAND_INS.put("bitsandbytes.optim.AdamW", adamw);
    STAND_INS.put("bitsandbytes.optim.PagedAdamW", adamw);
    STAND_INS.put(
        "bitsandbytes.optim.PagedAdamW8bit", "is adamw_8bit here: its state stays in memory");
    String json = "is hf_tokenizer here: it reads tokenizer.json and the chat template beside it";
    for (String name :
        List.of(
            "gemma.gemma_tokenizer",
            "gemma2.gemma_tokenizer",
            "phi3.phi3_mini_tokenizer",
            "phi4.phi4_tokenizer",
            "qwen2.qwen2_tokenizer",
            "qwen2_5.qwen2_5_tokenizer",
            "qwen3.qwen3_tokenizer")) {
      STAND_INS.put("torchtune.models." + name, json);
    }
    String fused =
        "adapts what is stored as one linear as one: qkv_proj for q_proj, k_proj and v_proj";
    STAND_INS.put("torchtune.models.phi3.lora_phi3_mini", fused);
    STAND_INS.put("torchtune.models.phi4.lora_phi4_14b", fused);
  }

  private Torchtune() {}

  /** The keys that are accepted and do nothing. */
  static Set<String> keys() {
    return KEYS.keySet();
  }

  /**
   * Whether a key of any section is a switch that nothing here has, and changes no result.
   *
   * @param key its name
   * @param value what it is set to
   */
  static boolean changesNothing(String key, Node value) {
    return IMPLEMENTATIONS.contains(key)
        || (SWITCHES.contains(key) && (isOff(value) || isOffNumber(key, value)));
  }

  /** Whether a value is null, false, empty, or a section of such values. */
  static boolean isOff(Node value) {
    if (value instanceof Node.Scalar s) {
      return s.isNull() || s.text().isEmpty() || s.text().equalsIgnoreCase("false");
    }
    return value instanceof Node.Section s
        ? s.entries().values().stream().allMatch(Torchtune::isOff)
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

  /** What a component's name stands for here; empty where it means what it says. */
  static Optional<String> standIn(String component) {
    return Optional.ofNullable(STAND_INS.get(component));
  }

  /** A dotted name's last part. */
  static String last(String dotted) {
    return dotted.substring(dotted.lastIndexOf('.') + 1);
  }
}
