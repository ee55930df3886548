package org.tune4j.recipe;

import java.io.PrintStream;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.tune4j.collective.Ranks;
import org.tune4j.spi.Backends;

/**
 * What surrounds a run.
 *
 * @param backends the backends there are
 * @param resolvedConfig the config with overrides applied, as YAML, to be saved beside the results
 * @param settings the same by dotted path, such as {@code optimizer.lr}, to be compared on resume
 * @param resumeCommand what continues this run after it was stopped, as its user would type it
 * @param out where progress and results are printed
 * @param terminal whether {@code out} is a terminal, so that a line may be overwritten
 * @param dryRun whether to build everything, run one step, save nothing and report
 * @param stopRequested asked after every step; once true, the run saves what it has and returns. It
 *     may wait before it answers, which pauses the run
 * @param ranks how this run meets its other ranks, if it has any
 * @param listener hears of every step and result
 */
public record RunContext(
    Backends backends,
    String resolvedConfig,
    Map<String, String> settings,
    String resumeCommand,
    PrintStream out,
    boolean terminal,
    boolean dryRun,
    BooleanSupplier stopRequested,
    Ranks ranks,
    RunListener listener) {
  /** Copies the settings. */
  public RunContext {
    settings = Map.copyOf(settings);
  }
}
