package org.tune4j.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a run on the tiny golden checkpoint takes, in a folder of its own where a test can spoil it:
 * {@code model} with its tokenizer, {@code rows.jsonl}; results go to {@code out}.
 */
public record TinyRun(Path dir) {
  public static final Path GOLDEN = Path.of("../models/src/test/resources/golden/tiny");
  private static final Path TINY = Path.of("../docs/tiny");

  public static TinyRun in(Path dir) throws IOException {
    TinyRun run = new TinyRun(dir);
    if (Files.notExists(run.model())) {
      copy(
          GOLDEN.resolve("families/llama2"),
          run.model(),
          "config.json",
          "generation_config.json",
          "model.safetensors");
      copy(TINY, run.model(), "tokenizer.json", "chat_template.jinja");
      Files.writeString(
          run.rows(),
          """
          {"instruction": "a", "output": "one two"}
          {"instruction": "b", "output": "two three"}
          {"instruction": "c", "output": "three"}
          """);
    }
    return run;
  }

  private static void copy(Path from, Path to, String... files) throws IOException {
    Files.createDirectories(to);
    for (String file : files) {
      Files.copy(from.resolve(file), to.resolve(file));
    }
  }

  public Path model() {
    return dir.resolve("model");
  }

  public Path rows() {
    return dir.resolve("rows.jsonl");
  }

  public Path out() {
    return dir.resolve("out");
  }

  /** Twenty epochs of one update on JavaCPP; overrides come last and win. */
  public String[] command(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "run",
                "lora_finetune_single_device",
                "--config",
                "llama/lora_single_device",
                "checkpointer.checkpoint_dir=" + model(),
                "dataset.data_files=" + rows(),
                "output_dir=" + out(),
                "dtype=fp32",
                "epochs=20",
                "optimizer.lr=1e-2",
                "lr_scheduler.num_warmup_steps=0",
                "lora_attn_modules=['q_proj','k_proj','v_proj','output_proj']",
                "apply_lora_to_mlp=true",
                "threads=2",
                "backend=javacpp"));
    all.addAll(List.of(overrides));
    return all.toArray(String[]::new);
  }
}
