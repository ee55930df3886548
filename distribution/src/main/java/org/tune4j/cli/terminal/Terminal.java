package org.tune4j.cli.terminal;

import java.io.InputStream;
import java.io.PrintStream;
import org.tune4j.Printable;

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

  /**
   * {@return a model's text as it may be printed here: where a person watches, without control
   * characters, which the terminal would obey}
   *
   * @param text as it was generated
   */
  public String shown(String text) {
    return interactive ? Printable.of(text) : text;
  }
}
