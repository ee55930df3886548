package org.tune4j.finetuning;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What became of a job that did not fail.
 *
 * @param cancelled whether it was cancelled before its last step
 * @param folder the newest result: a PEFT adapter's folder, with the merged model where that was
 *     asked for, or a full model's; empty where none was written
 * @param checkpoint of a cancelled job, from which one with {@code resume_from_checkpoint=true}
 *     goes on
 * @param metrics of the last step, by the names that {@code metrics.jsonl} has; empty where no step
 *     was made
 */
public record FineTuningResult(
    boolean cancelled,
    Optional<Path> folder,
    Optional<Path> checkpoint,
    Map<String, Number> metrics) {
  public FineTuningResult {
    metrics = Map.copyOf(metrics);
  }

  /** {@return the last step's mean loss over its label tokens; empty where no step was made} */
  public OptionalDouble finalLoss() {
    Number loss = metrics.get("loss");
    return loss == null ? OptionalDouble.empty() : OptionalDouble.of(loss.doubleValue());
  }
}
