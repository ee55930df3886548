package org.tune4j.config;

import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Parameter;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.tune4j.component.AlsoCalled;

/**
 * The names of keys that other trainers call something else: their own {@link AlsoCalled}, and
 * those of keys that every recipe has. Only keys that the config can have are suggested.
 */
final class Suggestions {
  /** Their keys, and the paths that stand for them here: in the same section, else from the top. */
  private static final Map<String, List<String>> KEYS = new LinkedHashMap<>();

  static {
    put("lr", "optimizer.lr");
    put("learning_rate", "lr", "optimizer.lr");
    put("weight_decay", "optimizer.weight_decay");
    put("warmup_steps", "num_warmup_steps", "lr_scheduler.num_warmup_steps");
    put("num_warmup_steps", "lr_scheduler.num_warmup_steps");
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
   * What a message says of an unknown key: {@code ; did you mean 'PATH'?}, or nothing.
   *
   * @param key as it was written
   * @param known the keys that may stand in its section
   */
  static String hint(String key, Collection<Parameter> known) {
    Set<String> names = Keys.names(known);
    return Stream.concat(
            known.stream().filter(p -> isCalled(p, key)).map(Keys::name),
            KEYS.getOrDefault(key, List.of()).stream()
                .filter(path -> names.contains(path.replaceFirst("\\..*", ""))))
        .findFirst()
        .map(path -> "; did you mean '" + path + "'?")
        .orElseGet(() -> Nearest.hint(key, names));
  }

  /** Whether other trainers call an element so. */
  static boolean isCalled(AnnotatedElement element, String name) {
    AlsoCalled other = element.getAnnotation(AlsoCalled.class);
    return other != null && List.of(other.value()).contains(name);
  }
}
