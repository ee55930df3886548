package org.tune4j.agent;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.Printable;

/**
 * One end of a connection between two agents: lines both ways. Each end sends an empty line every
 * few seconds, so that silence means that the other, or the way to it, is gone.
 *
 * <p>With a token each end first says {@code NONCE hex}; then every line is {@link
 * RendezvousToken.Seal sealed}, and who sends one that is not has no part in the run.
 */
final class Wire implements AutoCloseable {
  /** torchrun's, and as many beats may be missed. */
  static final Duration BEAT = Duration.ofSeconds(5);

  private static final int MISSED = 3;

  /** More than any report; whoever sends a longer line is no agent. */
  private static final int LONGEST = 1 << 16;

  /** How an end with a token begins. */
  static final String NONCE = "NONCE ";

  private static final Pattern GREETING = Pattern.compile(NONCE + "[0-9a-f]{32}");

  private final Socket socket;
  private final Duration beat;
  private final OutputStream out;
  private final Optional<RendezvousToken> token;
  private final boolean opener;
  private final String nonce = nonce();

  // Where there is a token: what came to be sent before it can be sealed, and then the seals.
  private final List<String> early = new ArrayList<>();
  private RendezvousToken.@Nullable Seal sends;
  private RendezvousToken.@Nullable Seal hears;
  private volatile boolean greeted;
  private volatile boolean trusted;

  /**
   * An end.
   *
   * @param token that the other must know; empty where only this machine can connect
   * @param opener whether this end opened the connection
   */
  Wire(Socket socket, Duration beat, Optional<RendezvousToken> token, boolean opener)
      throws IOException {
    this.socket = socket;
    this.beat = beat;
    this.token = token;
    this.opener = opener;
    this.trusted = token.isEmpty();
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(Math.toIntExact(beat.multipliedBy(MISSED).toMillis()));
    this.out = socket.getOutputStream();
  }

  private static String nonce() {
    byte[] bytes = new byte[16];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /** Whether the other has said something, and nothing by which it knows the token. */
  boolean distrusted() {
    return greeted && !trusted;
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
    long deadline = System.nanoTime() + beat.multipliedBy(MISSED).toNanos();
    if (token.isPresent()) {
      write(NONCE + nonce);
    }
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
      StringBuilder l = new StringBuilder();
      for (int c = lines.read(); c >= 0 && l.length() < LONGEST; c = lines.read()) {
        // Who is not trusted yet has one silence for all, not one for each byte.
        if (!trusted && System.nanoTime() > deadline) {
          return;
        }
        if (c != '\n') {
          l.append((char) c);
        } else if (!take(l.toString(), line)) {
          return;
        } else {
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

  /** A line as it came; false where no more are wanted of this end. */
  private boolean take(String sent, Consumer<String> line) {
    Optional<String> said = token.isEmpty() ? Optional.of(sent) : opened(token.get(), sent);
    // What the other says is printed, here or by those who hear it from here.
    said.filter(l -> !l.isEmpty()).map(Printable::of).ifPresent(line);
    return said.isPresent();
  }

  private Optional<String> opened(RendezvousToken secret, String sent) {
    if (hears == null) {
      greeted |= !sent.isEmpty();
      boolean greets = GREETING.matcher(sent).matches();
      if (greets) {
        agree(secret, sent.substring(NONCE.length()));
      }
      return greets || sent.isEmpty() ? Optional.of("") : Optional.empty();
    }
    Optional<String> said = hears.open(sent);
    trusted |= said.isPresent();
    return said;
  }

  private synchronized void agree(RendezvousToken secret, String others) {
    byte[] key = opener ? secret.key(nonce, others) : secret.key(others, nonce);
    hears = new RendezvousToken.Seal(key, !opener);
    sends = new RendezvousToken.Seal(key, opener);
    early.forEach(this::send);
    early.clear();
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
    String one = line.substring(0, Math.min(line.length(), LONGEST / 2)).replace('\n', ' ');
    if (token.isEmpty()) {
      write(one);
    } else if (sends != null) {
      write(sends.close(one));
    } else if (!one.isEmpty()) {
      early.add(one);
    }
  }

  private synchronized void write(String line) {
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
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
