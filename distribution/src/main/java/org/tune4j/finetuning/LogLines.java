package org.tune4j.finetuning;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Hands on what is printed, line by line. */
final class LogLines extends OutputStream {
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final Consumer<String> log;

  private LogLines(Consumer<String> log) {
    this.log = log;
  }

  /** A stream whose lines go to a log; blank ones do not. */
  static PrintStream to(Consumer<String> log) {
    return new PrintStream(new LogLines(log), true, StandardCharsets.UTF_8);
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
      log.accept(text);
    }
  }
}
