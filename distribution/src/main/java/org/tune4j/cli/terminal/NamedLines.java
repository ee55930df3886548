package org.tune4j.cli.terminal;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Begins each line with the name of who prints it, as several print to one stream. */
public final class NamedLines extends OutputStream {
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final String name;
  private final PrintStream out;

  private NamedLines(String name, PrintStream out) {
    this.name = name;
    this.out = out;
  }

  /**
   * {@return a stream whose lines are printed as wholes; blank ones are left out}
   *
   * @param name of who prints
   * @param out stays open
   */
  public static PrintStream to(String name, PrintStream out) {
    return new PrintStream(new NamedLines(name, out), true, StandardCharsets.UTF_8);
  }

  @Override
  public synchronized void write(int b) {
    if (b != '\n') {
      line.write(b);
      return;
    }
    String text = line.toString(StandardCharsets.UTF_8).stripTrailing();
    line.reset();
    if (!text.isEmpty()) {
      out.printf("[%s] %s%n", name, text);
    }
  }
}
