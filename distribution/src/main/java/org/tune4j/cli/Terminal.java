package org.tune4j.cli;

import java.io.InputStream;
import java.io.PrintStream;

/**
 * Where results are printed and what is typed comes from.
 *
 * @param out standard output
 * @param in standard input
 * @param interactive whether a person watches the output, so that a line may be overwritten
 */
public record Terminal(PrintStream out, InputStream in, boolean interactive) {
  /**
   * With the process's standard input.
   *
   * @param out standard output
   * @param interactive whether a person watches it
   */
  public Terminal(PrintStream out, boolean interactive) {
    this(out, System.in, interactive);
  }
}
