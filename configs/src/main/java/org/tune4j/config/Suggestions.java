package org.tune4j.config;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What other trainers call keys and values that are called otherwise here. Only what a config can
 * have where it was written is suggested.
 */
final class Suggestions {
  /** Their keys, and the paths that stand for them here: in the same section, else from the top. */
  private static final Map<String, List<String>> KEYS = new LinkedHashMap<>();

  /** Their keys for what is not there yet. */
  private static final Map<String, String> MISSING =
      Map.of(
          "use_dora", "DoRA is not supported yet: leave it out",
          "use_rslora", "rsLoRA is not supported yet: scale lora_alpha instead",
          "quantize_base", "QLoRA is not supported yet: leave it out",
          "load_in_4bit", "QLoRA is not supported yet: leave it out",
          "load_in_8bit", "QLoRA is not supported yet: leave it out");

  /** Their words for values. */
  private static final Map<String, String> VALUES = Map.of("o_proj", "output_proj");

  static {
    put("lr", "optimizer.lr");
    put("learning_rate", "lr", "optimizer.lr");
    put("weight_decay", "optimizer.weight_decay");
    put("warmup_steps", "num_warmup_steps", "lr_scheduler.num_warmup_steps");
    put("num_warmup_steps", "lr_scheduler.num_warmup_steps");
    put("r", "lora_rank");
    put("rank", "lora_rank");
    put("lora_r", "lora_rank");
    put("alpha", "lora_alpha");
    put("target_modules", "lora_attn_modules");
    put("lora_target_modules", "lora_attn_modules");
    put("lora_target", "lora_attn_modules");
    put("resume", "resume_from_checkpoint");
    put("num_epochs", "epochs");
    put("num_train_epochs", "epochs");
    put("max_steps", "max_steps_per_epoch");
    put("micro_batch_size", "batch_size");
    put("per_device_train_batch_size", "batch_size");
    put("gradient_accumulation", "gradient_accumulation_steps");
    put("gradient_checkpointing", "enable_activation_checkpointing");
    put("max_grad_norm", "clip_grad_norm");
    put("save_steps", "save_every_n_steps");
    put("logging_steps", "log_every_n_steps");
    put("eval_steps", "run_val_every_n_steps");
    put("report_to", "metric_logger");
    put("bf16", "dtype");
    put("fp16", "dtype");
    put("model_name_or_path", "checkpointer.checkpoint_dir");
    put("base_model", "checkpointer.checkpoint_dir");
    put("checkpoint_dir", "checkpointer.checkpoint_dir");
    put("max_seq_len", "tokenizer.max_seq_len");
    put("max_seq_length", "max_seq_len", "tokenizer.max_seq_len");
    put("max_length", "max_seq_len", "tokenizer.max_seq_len");
    put("cutoff_len", "tokenizer.max_seq_len");
    put("sequence_len", "tokenizer.max_seq_len");
    put("packing", "packed", "dataset.packed");
    put("data_files", "dataset.data_files");
    put("data_path", "data_files", "dataset.data_files");
    put("train_file", "dataset.data_files");
  }

  private Suggestions() {}

  private static void put(String key, String... paths) {
    KEYS.put(key, List.of(paths));
  }

  /**
   * What a message says of an unknown key: {@code ; did you mean 'PATH'?}, that it is not
   * supported, or nothing.
   *
   * @param key as it was written
   * @param known what may stand in its section
   */
  static String hint(String key, Collection<String> known) {
    if (MISSING.containsKey(key)) {
      return "; " + MISSING.get(key);
    }
    return KEYS.getOrDefault(key, List.of()).stream()
        .filter(path -> known.contains(path.replaceFirst("\\..*", "")))
        .findFirst()
        .map(path -> "; did you mean '" + path + "'?")
        .orElseGet(() -> Nearest.hint(key, known));
  }

  /** Where a module of the model that is no value of its key is asked for; else nothing. */
  static String place(String module) {
    return switch (module) {
      case "gate_proj", "up_proj", "down_proj" -> "; apply_lora_to_mlp=true adapts it";
      case "lm_head", "output" -> "; apply_lora_to_output=true adapts it";
      default -> "";
    };
  }

  /** The word here for a value. */
  static String value(String text) {
    return VALUES.getOrDefault(text, text);
  }
}
