package org.tune4j.launcher;

import java.io.Console;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** The process: nothing else may end it. */
public final class Launcher {
  private static final String TERMINAL = "tune4j.terminal";

  private Launcher() {}

  /**
   * Runs one command and exits with its code. With {@code TUNE_AGENT_PIPE} in the environment it
   * also exits, with 143, when standard input ends.
   *
   * @param args the command's name, its options and its arguments
   */
  public static void main(String[] args) {
    prepare();
    // UTF-8 whatever the locale is: a config's text leaves as it lies in the jar.
    StandardOutput written = new StandardOutput(new FileOutputStream(FileDescriptor.out));
    // A file or another program gets generated text as it is; lines about errors are read by
    // people.
    OutputStream shown = Boolean.getBoolean(TERMINAL) ? new PrintableOutput(written) : written;
    PrintStream out = new PrintStream(shown, true, StandardCharsets.UTF_8);
    PrintStream err =
        new PrintStream(
            new PrintableOutput(new FileOutputStream(FileDescriptor.err)),
            true,
            StandardCharsets.UTF_8);
    System.setOut(out);
    System.setErr(err);
    if (System.getenv("TUNE_AGENT_PIPE") != null) {
      endWithAgent();
    }
    int code = Tune.execute(Wiring.installed(out), args, out, err);
    out.flush();
    String lost = written.lost();
    if (lost != null) {
      err.println("tune: what was printed is lost: standard output: " + lost + "; print elsewhere");
    }
    System.exit(lost == null ? code : Math.max(code, 1));
  }

  /** Does what the scripts that start this process could not. */
  private static void prepare() {
    String terminal = System.getProperty(TERMINAL);
    if (terminal == null) { // cmd.exe cannot tell
      System.setProperty(TERMINAL, Boolean.toString(isTerminal(System.console())));
    }
    String once = System.getProperty("tune4j.once");
    if (once != null) { // the JVM has read it
      for (File file : Objects.requireNonNullElse(new File(once).listFiles(), new File[0])) {
        boolean unused = file.delete();
      }
      boolean unused = new File(once).delete();
    }
  }

  /** Java's console is one only where it can be read from, too; from 22 on it says so itself. */
  private static boolean isTerminal(@Nullable Console console) {
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }

  /** One rank of several: it stops, as at SIGTERM, when the process that started it is gone. */
  private static void endWithAgent() {
    Thread t =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // nothing is sent
                }
              } catch (IOException e) {
                // as good as its end
              }
              System.exit(143);
            },
            "agent");
    t.setDaemon(true);
    t.start();
  }
}
