package org.tune4j.agent;

import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.tune4j.CollectiveException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/** This machine's part in a {@link Coordinator}: its agent runs the rounds that it starts. */
final class Membership implements AutoCloseable {
  private static final String GONE = "GONE";
  private static final String TELL = "TELL ";

  /** The first word of a {@link Wire} with a token. */
  private static final String ASKS = "NONCE";

  private static final int CONNECT_MILLIS = 3000;
  private static final int POLL_MILLIS = 50;

  private final Agent agent;
  private final String endpoint;
  private final String host;
  private final Wire wire;
  private final PrintStream err;
  private final BooleanSupplier stop;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private Agent.Order order = Agent.Order.GO_ON;
  private volatile boolean heard;

  private Membership(
      Agent agent, InetSocketAddress endpoint, Wire wire, PrintStream err, BooleanSupplier stop) {
    this.agent = agent;
    this.host = endpoint.getHostString();
    this.endpoint = host + ":" + endpoint.getPort();
    this.wire = wire;
    this.err = err;
    this.stop = stop;
    wire.listen(this::hear, () -> lines.add(GONE));
  }

  private void hear(String line) {
    heard = true;
    if (line.startsWith(TELL)) {
      err.println("tune: " + line.substring(TELL.length()));
    } else {
      lines.add(line);
    }
  }

  /**
   * Meets the other machines, and returns when the run has ended well or was told to stop here.
   *
   * @throws CollectiveException when it failed, too few machines came, or the endpoint's is gone
   */
  static void run(Agent agent, TorchrunOptions options, PrintStream err, BooleanSupplier stop) {
    Map.Entry<String, Integer> where = options.endpoint(Agent::freePort);
    InetSocketAddress endpoint = new InetSocketAddress(where.getKey(), where.getValue());
    if (endpoint.isUnresolved()) {
      throw new UsageException(
          "--rdzv_endpoint: host '%s' is not known here".formatted(where.getKey()));
    }
    Optional<RendezvousToken> token = options.tokenOfMachines();
    run(agent, options.perNode(), options.terms(), token, Wire.BEAT, endpoint, err, stop);
  }

  static void run(
      Agent agent,
      int ranks,
      Coordinator.Terms terms,
      Optional<RendezvousToken> token,
      Duration beat,
      InetSocketAddress endpoint,
      PrintStream err,
      BooleanSupplier stop) {
    Optional<Coordinator> own = Coordinator.open(terms, beat, token, endpoint);
    try {
      Optional<Wire> wire = connect(endpoint, terms.join(), beat, token, stop);
      if (wire.isPresent()) {
        try (Membership member = new Membership(agent, endpoint, wire.get(), err, stop)) {
          wire.get()
              .send(
                  "HELLO %s %s %d"
                      .formatted(own.map(Coordinator::key).orElse("-"), terms.agreed(), ranks));
          member.takePart();
        }
      }
    } finally {
      own.ifPresent(Coordinator::close);
    }
  }

  /** Tries until somebody listens; empty where it was told to stop. */
  private static Optional<Wire> connect(
      InetSocketAddress endpoint,
      Duration patience,
      Duration beat,
      Optional<RendezvousToken> token,
      BooleanSupplier stop) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!stop.getAsBoolean()) {
      try {
        Socket socket = new Socket();
        socket.connect(endpoint, CONNECT_MILLIS);
        return Optional.of(new Wire(socket, beat, token, true));
      } catch (IOException e) {
        if (System.nanoTime() > deadline) {
          throw new CollectiveException(
              "no agent listens at %s:%d after %d s: %s; start it on that machine, or check --rdzv_endpoint"
                  .formatted(
                      endpoint.getHostString(),
                      endpoint.getPort(),
                      patience.toSeconds(),
                      TuneException.reason(e)),
              e);
        }
        pause();
      }
    }
    return Optional.empty();
  }

  private static void pause() {
    try {
      Thread.sleep(10 * POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void takePart() {
    while (!stop.getAsBoolean()) {
      String[] words = next().split(" ", 2);
      switch (words[0]) {
        case "", "SAVE", "STOP" -> {} // it crossed the report that ranks have ended
        case "START" -> play(round(words));
        case "END" -> {
          if (words.length > 1) {
            throw new CollectiveException(words[1]);
          }
          return;
        }
        case GONE -> throw gone();
        case ASKS ->
            throw new CollectiveException(
                "the agent at %s asks for the run's token; give it with --rdzv_token_file FILE, the same on all machines"
                    .formatted(endpoint));
        default -> throw noAgent();
      }
    }
  }

  private String next() {
    try {
      String line = lines.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
      return line == null ? "" : line;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return GONE;
    }
  }

  private CollectiveException gone() {
    if (wire.distrusted()) {
      return new CollectiveException(
          "the agent at %s does not know this machine's token; give the same --rdzv_token_file to all machines of the run, or another --rdzv_endpoint"
              .formatted(endpoint));
    }
    return heard
        ? new CollectiveException(
            "the agent at %s, where the machines of this run meet, is gone; start it and the others again with --resume"
                .formatted(endpoint))
        : noAgent();
  }

  private CollectiveException noAgent() {
    return new CollectiveException(
        "%s is in use by something other than an agent of this run; give all machines another port, and --node_rank to all or none"
            .formatted(endpoint));
  }

  /** What {@link Coordinator} sends as {@code START}. */
  private Agent.Round round(String[] words) {
    String[] numbers = words.length < 2 ? new String[0] : words[1].split(" ");
    try {
      return new Agent.Round(
          Integer.parseInt(numbers[0]),
          Boolean.parseBoolean(numbers[1]),
          Integer.parseInt(numbers[2]),
          Integer.parseInt(numbers[3]),
          Integer.parseInt(numbers[4]),
          host,
          Integer.parseInt(numbers[5]));
    } catch (ArrayIndexOutOfBoundsException | NumberFormatException e) {
      throw noAgent();
    }
  }

  private void play(Agent.Round round) {
    order = Agent.Order.GO_ON;
    Agent.Result result = agent.attempt(round, this::order);
    if (stop.getAsBoolean()) {
      return;
    }
    String begun = " " + result.begun();
    wire.send(
        result
            .failure()
            .map(f -> "FAILED%s %b %s".formatted(begun, f.killed(), f))
            .orElse((result.told() ? "STOPPED" : "DONE") + begun));
  }

  /** What the coordinator, or a signal, wants of the ranks that run now. */
  private Agent.Order order() {
    for (String line = lines.peek(); line != null; line = lines.peek()) {
      String word = line.split(" ", 2)[0];
      if (word.equals("SAVE")) {
        order = Agent.Order.SAVE;
      } else if (word.equals("STOP")) {
        order = Agent.Order.END;
      } else {
        return Agent.Order
            .END; // the coordinator has more to say, which is read when all have ended
      }
      lines.remove();
    }
    return order == Agent.Order.GO_ON && stop.getAsBoolean() ? Agent.Order.SAVE : order;
  }

  @Override
  public void close() {
    wire.close();
  }
}
