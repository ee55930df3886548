package org.tune4j.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where the agents of a run's machines meet, kept by the agent at the endpoint. Each has a
 * connection ({@link Wire}); one thread hears all and decides. Machines gather: with as many as may
 * be, or some time after there are enough, a round begins, in which every machine runs its ranks.
 * When one comes or is lost the round ends, and they gather again.
 *
 * <p>An agent sends {@code HELLO key terms ranks} and how a round ended there: {@code DONE begun},
 * {@code STOPPED begun}, {@code FAILED begun killed text}. It gets {@code START number resumes
 * firstRank worldSize fullSize port}, {@code SAVE}, {@code STOP}, {@code TELL text}, and {@code
 * END} with a text unless all is well. Whoever sends anything else is told so, and has left.
 */
final class Coordinator implements AutoCloseable {
  private static final Pattern HELLO = Pattern.compile("HELLO (\\S+) (\\S+) ([1-9]\\d{0,4})");
  private static final Pattern ENDED = Pattern.compile("(DONE|STOPPED) (true|false)");
  private static final Pattern FAILED = Pattern.compile("FAILED (true|false) (true|false) (.*)");
  private static final int SHOWN = 60;
  private static final int POLL_MILLIS = 50;
  private static final int LINGER_MILLIS = 2000;

  /** Connections beside those of the machines: some that wait, and some of strangers. */
  private static final int MORE_CONNECTIONS = 64;

  private final Terms terms;
  private final Duration beat;
  private final Optional<RendezvousToken> token;
  private final ServerSocket door;
  private final AtomicInteger connections = new AtomicInteger();
  private final String key = UUID.randomUUID().toString();
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final Thread thread = new Thread(this::hear, "coordinator");
  private final List<Machine> machines = new ArrayList<>();
  private volatile boolean closing;
  private boolean over;

  // Of a round.
  private int round = -1;
  private Agent.Order order = Agent.Order.GO_ON;
  private boolean lost;
  private @Nullable Failure failure;

  // Of all.
  private boolean begun;
  private int restarts;

  // While machines gather.
  private boolean hosted;
  private boolean gathering = true;
  private long since = System.nanoTime();
  private long lastCall;
  private int counted;

  /**
   * What all machines must agree on, and how long they wait.
   *
   * @param min machines that are enough
   * @param max machines that are all
   * @param maxRestarts after failures; those for machines that come and go are not counted
   * @param join how long too few machines wait
   * @param lastCall how long enough machines wait for more
   */
  record Terms(String id, int min, int max, int maxRestarts, Duration join, Duration lastCall) {
    /** As {@code --nnodes} has it. */
    String nodes() {
      return min == max ? Integer.toString(min) : min + ":" + max;
    }

    /** In one word. */
    String agreed() {
      return nodes() + "/" + URLEncoder.encode(id, StandardCharsets.UTF_8);
    }
  }

  private enum State {
    WAITS,
    RUNS,
    /** All its ranks have ended well, of themselves. */
    DONE,
    /** Its ranks have ended otherwise. */
    STOPPED
  }

  private static final class Machine {
    private final Wire wire;
    private int ranks;
    private State state = State.WAITS;

    Machine(Wire wire) {
      this.wire = wire;
    }
  }

  /** A rank's. */
  private record Failure(boolean killed, String text) {}

  /** A line; null when the machine is gone. */
  private record Event(Machine from, @Nullable String line) {}

  private Coordinator(
      Terms terms, Duration beat, Optional<RendezvousToken> token, ServerSocket door) {
    this.terms = terms;
    this.beat = beat;
    this.token = token;
    this.door = door;
  }

  /**
   * Whether an endpoint is this machine's alone. Many machines know themselves by name as a
   * loopback that others know as something else, so a name other than localhost is not.
   */
  static boolean isLocal(InetSocketAddress endpoint) {
    String host = endpoint.getHostString();
    boolean named = host.equals("localhost") || host.matches("[0-9.]+|.*:.*");
    return named && !endpoint.isUnresolved() && endpoint.getAddress().isLoopbackAddress();
  }

  /** Opens it, where the endpoint is this machine's and nobody has opened it before. */
  static Optional<Coordinator> open(
      Terms terms, Duration beat, Optional<RendezvousToken> token, InetSocketAddress endpoint) {
    InetAddress address = endpoint.getAddress();
    boolean ownName = address.isLoopbackAddress() && !isLocal(endpoint);
    try {
      ServerSocket door = new ServerSocket(endpoint.getPort(), 50, ownName ? null : address);
      Coordinator opened = new Coordinator(terms, beat, token, door);
      Thread accepts = new Thread(opened::accept, "coordinator-door");
      accepts.setDaemon(true);
      accepts.start();
      opened.thread.setDaemon(true);
      opened.thread.start();
      return Optional.of(opened);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** What the agent of this machine says who it is by: its ranks are the first. */
  String key() {
    return key;
  }

  private void accept() {
    while (!door.isClosed()) {
      try {
        Socket socket = door.accept();
        if (connections.incrementAndGet() > terms.max + MORE_CONNECTIONS) {
          connections.decrementAndGet();
          socket.close();
          continue;
        }
        Machine machine = new Machine(new Wire(socket, beat, token, false));
        machine.wire.listen(
            line -> events.add(new Event(machine, line)),
            () -> {
              connections.decrementAndGet();
              events.add(new Event(machine, null));
            });
      } catch (IOException e) {
        // closed, or a machine that left at the door
      }
    }
  }

  private void hear() {
    try {
      while (!closing || (over && !machines.isEmpty())) {
        Event e = events.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
        if (e != null) {
          take(e.from, e.line);
        }
        if (!over && !closing && hosted) {
          if (gathering) {
            gather();
          } else {
            look();
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    machines.forEach(m -> m.wire.close());
  }

  private void take(Machine from, @Nullable String line) {
    if (line == null) {
      gone(from);
      return;
    }
    Matcher hello = HELLO.matcher(line);
    Matcher ended = ENDED.matcher(line);
    Matcher failed = FAILED.matcher(line);
    if (hello.matches() && !machines.contains(from)) {
      hello(from, hello.group(1), hello.group(2), Integer.parseInt(hello.group(3)));
    } else if (ended.matches() && from.state == State.RUNS) {
      ended(from, State.valueOf(ended.group(1)), ended.group(2));
    } else if (failed.matches() && from.state == State.RUNS) {
      ended(from, State.STOPPED, failed.group(1));
      failed(new Failure(Boolean.parseBoolean(failed.group(2)), failed.group(3)));
    } else {
      from.wire.send(
          "END the agent at the endpoint does not understand '%s'; start the same version on all machines"
              .formatted(line.length() > SHOWN ? line.substring(0, SHOWN) + "..." : line));
      from.wire.close(); // its end is heard next
    }
  }

  private void ended(Machine from, State state, String hasBegun) {
    from.state = state;
    begun |= Boolean.parseBoolean(hasBegun);
  }

  private void failed(Failure its) {
    // Ranks that lose another complain; one that was killed says nothing, and is why.
    if (failure == null || (its.killed && !failure.killed)) {
      failure = its;
    }
  }

  private void hello(Machine from, String shown, String agreed, int ranks) {
    from.ranks = ranks;
    if (!agreed.equals(terms.agreed())) {
      from.wire.send(
          "END this machine was started with --nnodes and --rdzv_id %s, the one at the endpoint with %s; give all the same"
              .formatted(agreed, terms.agreed()));
    } else if (shown.equals(key)) {
      machines.add(0, from);
      hosted = true;
    } else {
      machines.add(from);
      if (!gathering && machines.size() > terms.max) {
        from.wire.send(
            "TELL all %d machines are there; this one waits for a place".formatted(terms.max));
      }
    }
  }

  private void gone(Machine machine) {
    if (machines.remove(machine) && machine.state == State.RUNS) {
      lost = true;
      tell(
          "machine %s is gone; the others continue from the newest checkpoint"
              .formatted(machine.wire.other()));
    }
  }

  /** Starts a round when it is time. */
  private void gather() {
    int here = Math.min(machines.size(), terms.max);
    long now = System.nanoTime();
    if (here != counted) {
      counted = here;
      if (here < terms.min) {
        lastCall = 0;
        tell("%s; up to %d s for more".formatted(present(here), terms.join.toSeconds()));
      } else if (here < terms.max) {
        lastCall = lastCall == 0 ? now + terms.lastCall.toNanos() : lastCall;
        tell("%s; %d s for more".formatted(present(here), terms.lastCall.toSeconds()));
      }
    }
    if (here < terms.min && now - since > terms.join.toNanos()) {
      end(
          " %s after %d s; start the others, or check their --rdzv_endpoint%s"
              .formatted(
                  present(here),
                  terms.join.toSeconds(),
                  begun ? "; --resume continues from the newest checkpoint" : ""));
    } else if (here == terms.max || (here >= terms.min && now - lastCall >= 0)) {
      start(machines.subList(0, here));
    }
  }

  private String present(int here) {
    return "%d of %s machines %s here".formatted(here, terms.nodes(), here == 1 ? "is" : "are");
  }

  private void start(List<Machine> those) {
    gathering = false;
    round++;
    order = Agent.Order.GO_ON;
    lost = false;
    failure = null;
    int worldSize = those.stream().mapToInt(m -> m.ranks).sum();
    int port = Agent.freePort();
    int first = 0;
    for (Machine m : those) {
      m.state = State.RUNS;
      m.wire.send(
          "START %d %b %d %d %d %d"
              .formatted(
                  round,
                  round > 0 && begun,
                  first,
                  worldSize,
                  terms.max * those.get(0).ranks,
                  port));
      first += m.ranks;
    }
  }

  /** Ends a round when it is time. */
  private void look() {
    if (machines.stream().anyMatch(m -> m.state == State.RUNS)) {
      boolean comes = machines.size() <= terms.max && has(State.WAITS) && !has(State.DONE);
      if (lost || failure != null) {
        order(Agent.Order.END, "STOP");
      } else if (comes && order == Agent.Order.GO_ON) {
        tell("another machine has joined; all save and restart together");
        order(Agent.Order.SAVE, "SAVE");
      }
      return;
    }
    boolean changed = lost || order == Agent.Order.SAVE;
    if (!lost && !has(State.STOPPED)) {
      end("");
    } else if (failure != null && !changed && restarts == terms.maxRestarts) {
      end(" " + Agent.ended(failure.text, restarts));
    } else {
      if (failure != null && !changed) {
        restarts++;
        tell(Agent.restart(failure.text, restarts, terms.maxRestarts));
      }
      machines.forEach(m -> m.state = State.WAITS);
      gathering = true;
      since = System.nanoTime();
      lastCall = 0;
      counted = -1;
    }
  }

  private boolean has(State state) {
    return machines.stream().anyMatch(m -> m.state == state);
  }

  private void order(Agent.Order next, String word) {
    if (order.compareTo(next) < 0) {
      order = next;
      machines.stream().filter(m -> m.state == State.RUNS).forEach(m -> m.wire.send(word));
    }
  }

  private void tell(String text) {
    machines.forEach(m -> m.wire.send("TELL " + text));
  }

  private void end(String text) {
    over = true;
    machines.forEach(m -> m.wire.send("END" + text));
  }

  /** Leaves, once all have heard how it ended; others that still run hear that it is gone. */
  @Override
  public void close() {
    closing = true;
    try {
      door.close();
      thread.join(LINGER_MILLIS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
