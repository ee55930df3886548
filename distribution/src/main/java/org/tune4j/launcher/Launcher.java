package org.tune4j.launcher;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** The process: nothing else may end it. */
public final class Launcher {
  private Launcher() {}

  /**
   * Runs one command and exits with its code. With {@code TUNE_AGENT_PIPE} in the environment it
   * also exits, with 143, when standard input ends.
   *
   * @param args the command's name, its options and its arguments
   */
  public static void main(String[] args) {
    // UTF-8 whatever the locale is: a config's text leaves as it lies in the jar.
    StandardOutput written = new StandardOutput(new FileOutputStream(FileDescriptor.out));
    // A file or another program gets generated text as it is; lines about errors are read by
    // people.
    OutputStream shown =
        Boolean.getBoolean("tune4j.terminal") ? new PrintableOutput(written) : written;
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
