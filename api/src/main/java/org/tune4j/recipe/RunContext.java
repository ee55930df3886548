package org.tune4j.recipe;

import java.io.PrintStream;
import org.tune4j.spi.Backends;

/**
 * What surrounds a run.
 *
 * @param backends the backends there are
 * @param resolvedConfig the config with overrides applied, as YAML, to be saved beside the results
 * @param out where progress and results are printed
 * @param terminal whether {@code out} is a terminal, so that a line may be overwritten
 */
public record RunContext(
    Backends backends, String resolvedConfig, PrintStream out, boolean terminal) {}
