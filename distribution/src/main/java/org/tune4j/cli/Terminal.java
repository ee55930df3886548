package org.tune4j.cli;

import java.io.PrintStream;

/**
 * Where results are printed.
 *
 * @param out standard output
 * @param interactive whether a person watches it, so that a line may be overwritten
 */
public record Terminal(PrintStream out, boolean interactive) {}
