package org.tune4j.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * One end of a connection between two agents: lines both ways. Each end sends an empty line every
 * few seconds, so that silence means that the other, or the way to it, is gone.
 */
final class Wire implements AutoCloseable {
  /** torchrun's, and as many beats may be missed. */
  static final Duration BEAT = Duration.ofSeconds(5);

  private static final int MISSED = 3;

  /** More than any report; whoever sends a longer line is no agent. */
  private static final int LONGEST = 1 << 16;

  private final Socket socket;
  private final Duration beat;
  private final OutputStream out;

  Wire(Socket socket, Duration beat) throws IOException {
    this.socket = socket;
    this.beat = beat;
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(Math.toIntExact(beat.multipliedBy(MISSED).toMillis()));
    this.out = socket.getOutputStream();
  }

  /** The other's address. */
  String other() {
    return socket.getInetAddress().getHostAddress();
  }

  /**
   * Begins to hear, on a thread of its own, and to beat.
   *
   * @param line takes each line
   * @param gone called once, when there will be no more
   */
  void listen(Consumer<String> line, Runnable gone) {
    daemon("hears", () -> hear(line, gone)).start();
    daemon("beats", this::beat).start();
  }

  private Thread daemon(String what, Runnable body) {
    Thread t = new Thread(body, "%s-%s".formatted(what, other()));
    t.setDaemon(true);
    return t;
  }

  private void hear(Consumer<String> line, Runnable gone) {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
      StringBuilder l = new StringBuilder();
      for (int c = lines.read(); c >= 0 && l.length() < LONGEST; c = lines.read()) {
        if (c != '\n') {
          l.append((char) c);
        } else if (!l.isEmpty()) {
          line.accept(l.toString());
          l.setLength(0);
        }
      }
    } catch (IOException e) {
      // as good as its end
    } finally {
      close();
      gone.run();
    }
  }

  private void beat() {
    while (!socket.isClosed()) {
      send("");
      try {
        Thread.sleep(beat.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Sends a line. That the other is gone is heard, and does not show here. */
  synchronized void send(String line) {
    try {
      String one = line.substring(0, Math.min(line.length(), LONGEST - 1)).replace('\n', ' ');
      out.write((one + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      close();
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // it is of no more use either way
    }
  }
}
