package org.tune4j.examples;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import org.tune4j.finetuning.FineTuning;
import org.tune4j.finetuning.FineTuningResult;
import org.tune4j.recipe.RunListener;

/** LoRA from a program of one's own: a job is built, watched, and waited for. */
public final class FineTuningExample {
  private FineTuningExample() {}

  /** Trains a model on rows and says how it went. */
  public static FineTuningResult run(Path model, Path rows, Path output, PrintStream out)
      throws InterruptedException {
    FineTuning job =
        FineTuning.of("lora_finetune_single_device", "llama/lora_single_device")
            .override(
                "checkpointer.checkpoint_dir=" + model,
                "dataset.data_files=" + rows,
                "output_dir=" + output,
                "lora_rank=4",
                "epochs=3")
            .listener(
                new RunListener() {
                  @Override
                  public void step(long step, long total, Map<String, Number> metrics) {
                    out.printf("step %d of %d: loss %s%n", step, total, metrics.get("loss"));
                  }
                })
            .build(); // says everything that is wrong with the config
    job.start(); // on a thread of its own; pause(), resume() and cancel() are for any thread
    FineTuningResult result = job.await();
    out.println("adapter: " + result.folder().orElseThrow());
    return result;
  }
}
