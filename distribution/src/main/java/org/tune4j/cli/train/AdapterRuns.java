package org.tune4j.cli.train;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.tune4j.OutOfMemory;
import org.tune4j.TrainingException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.collective.RunsInTurn;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;
import org.tune4j.spi.Backends;

/**
 * Trains several adapters at once: a run each, which take turns of a step. One that fails is named,
 * and the others go on; before the first step, nothing is trained if one fails.
 */
final class AdapterRuns {
  private final Map<String, Throwable> failures = new LinkedHashMap<>();
  private final PrintStream out;
  private volatile boolean begun;

  /** What surrounds one of the runs. */
  @FunctionalInterface
  interface Contexts {
    /** That of an adapter's run, which is to pass its turn on after every step. */
    RunContext of(String adapter, RunsInTurn.Turn turn, RunListener listener);
  }

  AdapterRuns(PrintStream out) {
    this.out = out;
  }

  /**
   * Returns when all have ended.
   *
   * @throws TuneException naming the adapters that failed, and why
   */
  void run(Backends backends, Map<String, Recipe> recipes, Contexts contexts) {
    RunsInTurn.run(
        backends,
        recipes.entrySet().stream()
            .map(
                e ->
                    new RunsInTurn.Run(
                        e.getKey(),
                        turn -> e.getValue().run(contexts.of(e.getKey(), turn, listener())),
                        failure -> failed(e.getKey(), failure)))
            .toList());
    requireNoFailure();
  }

  private RunListener listener() {
    return new RunListener() {
      @Override
      public void step(long step, long totalSteps, Map<String, Number> metrics) {
        begun = true;
      }
    };
  }

  private void failed(String adapter, Throwable failure) {
    failures.put(adapter, failure);
    out.printf("[%s] failed: %s%n", adapter, message(failure));
  }

  private void requireNoFailure() {
    if (failures.isEmpty()) {
      return;
    }
    for (Throwable failure : failures.values()) {
      if (!(failure instanceof TuneException) && OutOfMemory.in(failure).isEmpty()) {
        throw new IllegalStateException(all(), failure); // a defect
      }
    }
    boolean wrongConfig =
        failures.values().stream().allMatch(f -> f instanceof TuneException t && t.exitCode() == 2);
    throw wrongConfig
        ? new UsageException(all(), failures.values().iterator().next())
        : new TrainingException(all());
  }

  private String all() {
    return failed() + (begun ? "" : "; no adapter was trained");
  }

  /** All in one line; what has failed all of them stands there once. */
  private String failed() {
    Set<String> messages =
        failures.values().stream()
            .map(AdapterRuns::message)
            .collect(Collectors.toCollection(TreeSet::new));
    if (messages.size() == 1) {
      return "%s %s failed: %s"
          .formatted(
              failures.size() == 1 ? "adapter" : "adapters",
              String.join(", ", failures.keySet()),
              messages.iterator().next());
    }
    List<String> each =
        failures.entrySet().stream().map(e -> e.getKey() + ": " + message(e.getValue())).toList();
    return "%d adapters failed: %s".formatted(each.size(), String.join("; ", each));
  }

  private static String message(Throwable failure) {
    return failure instanceof TuneException known
        ? String.valueOf(known.getMessage())
        : OutOfMemory.in(failure).map(TuneException::getMessage).orElse(failure.toString());
  }
}
