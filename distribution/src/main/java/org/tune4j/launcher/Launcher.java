package org.tune4j.launcher;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** The process: nothing else may end it. */
public final class Launcher {
  private Launcher() {}

  /** Runs one command and exits with its code. */
  public static void main(String[] args) {
    // UTF-8 whatever the locale is: a config's text leaves as it lies in the jar.
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    PrintStream err =
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    System.setOut(out);
    System.setErr(err);
    int code = Tune.execute(Wiring.installed(out), args, out, err);
    out.flush();
    System.exit(code);
  }
}
