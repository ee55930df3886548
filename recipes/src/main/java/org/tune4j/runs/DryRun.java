package org.tune4j.runs;

import java.io.PrintStream;
import java.util.List;
import java.util.Optional;
import org.tune4j.data.Batches;
import org.tune4j.data.Dataset;
import org.tune4j.platform.ResidentSize;
import org.tune4j.training.TrainStep;

/** One step on the heaviest batch of the first epoch, of which nothing is kept. */
public final class DryRun {
  private final TrainStep step;
  private final Batches batches;
  private final Dataset data;
  private final long totalSteps;

  /**
   * Reads and runs nothing yet.
   *
   * @param step is made with a learning rate of 0
   * @param batches whose first epoch is looked through
   * @param data the rows
   * @param totalSteps of the run that this one is a trial of
   */
  public DryRun(TrainStep step, Batches batches, Dataset data, long totalSteps) {
    this.step = step;
    this.batches = batches;
    this.data = data;
    this.totalSteps = totalSteps;
  }

  /**
   * Runs it and says what it took.
   *
   * @param planned what it should take of memory, in MiB
   * @param out gets one line
   * @throws org.tune4j.TrainingException when the loss or a gradient is not finite
   */
  public void report(long planned, PrintStream out) {
    List<Integer> heaviest = List.of();
    long most = -1;
    for (long i = 0; i < batches.perEpoch(); i++) {
      List<Integer> indices = batches.of(0, i);
      long tokens = indices.stream().mapToLong(r -> data.get(r).tokens().length).sum();
      if (tokens > most) {
        most = tokens;
        heaviest = indices;
      }
    }
    long started = System.nanoTime();
    Optional<TrainStep.Outcome> outcome = step.run(0, heaviest, data::get, 0);
    double seconds = (System.nanoTime() - started) * 1e-9;
    out.printf(
        "dry run: the heaviest of %d batches has %d rows, %d tokens; loss %s, %.1f s, peak of the"
            + " resident size %d MiB, planned %d; %d steps in all, nothing was written%n",
        batches.perEpoch(),
        heaviest.size(),
        most,
        outcome.map(o -> "%.4f".formatted(o.loss())).orElse("none: no token is trained on"),
        seconds,
        ResidentSize.peakMebibytes(),
        planned,
        totalSteps);
  }
}
