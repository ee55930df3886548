package org.tune4j.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tune4j.CollectiveException;
import org.tune4j.EnvironmentException;

/**
 * Starts a process a rank and looks after them: their output is prefixed by their rank, the first
 * that fails ends the others, and a stop reaches all. A rank's standard input is a pipe from here
 * that ends with this process, however it ends, and the rank with it.
 */
final class Agent {
  /** In a rank's environment: its standard input ends when it must. */
  static final String PIPE = "TUNE_AGENT_PIPE";

  private static final String RESUME = "--resume";
  private static final int GRACE_SECONDS = 5;
  private static final int FOLLOW_MILLIS = 500;

  private final TorchrunOptions options;
  private final List<String> arguments;
  private final String resumeCommand;
  private final PrintStream out;
  private final PrintStream err;
  private final StopSignal stop;

  /**
   * An agent.
   *
   * @param arguments of each rank's {@code tune}
   * @param resumeCommand what goes on with the run, for people
   */
  Agent(
      TorchrunOptions options,
      List<String> arguments,
      String resumeCommand,
      PrintStream out,
      PrintStream err,
      StopSignal stop) {
    this.options = options;
    this.arguments = arguments;
    this.resumeCommand = resumeCommand;
    this.out = out;
    this.err = err;
    this.stop = stop;
  }

  private record Worker(int rank, Process process, RankOutput output) {}

  private record Failure(int rank, int code, Optional<RankOutput.Complaint> complaint) {
    static Failure of(Worker w) {
      return new Failure(w.rank, w.process.exitValue(), w.output.firstComplaint());
    }

    /** A rank that was killed says nothing, and is why the others complain. */
    long when() {
      return complaint.map(RankOutput.Complaint::nanos).orElse(Long.MIN_VALUE);
    }

    @Override
    public String toString() {
      return code > 128
          ? "rank %d was ended by signal %d".formatted(rank, code - 128)
          : "rank %d failed with exit code %d%s"
              .formatted(rank, code, complaint.map(c -> " (" + c.text() + ")").orElse(""));
    }
  }

  /**
   * Runs all ranks of this machine to their end, again from the newest checkpoint where they fail
   * and may.
   *
   * @throws CollectiveException when they failed; names the rank that did first
   */
  void run() {
    int restarts = options.maxRestarts();
    for (int attempt = 0; ; attempt++) {
      Optional<Failure> failure = attempt(attempt);
      if (failure.isEmpty()) {
        return;
      }
      if (attempt == restarts || stop.requested()) {
        throw new CollectiveException(
            "%s, and the others were ended%s"
                .formatted(
                    failure.get(), attempt == 0 ? "" : ", after %d restarts".formatted(attempt)));
      }
      err.printf(
          "tune: %s; restart %d of %d from the newest checkpoint%n",
          failure.get(), attempt + 1, restarts);
    }
  }

  private Optional<Failure> attempt(int attempt) {
    Map.Entry<String, Integer> meeting = options.meeting(Agent::freePort);
    List<Worker> workers = new ArrayList<>();
    try {
      for (int local = 0; local < options.perNode(); local++) {
        workers.add(start(local, attempt, meeting));
      }
      return watch(workers);
    } finally {
      end(workers);
    }
  }

  private Worker start(int local, int attempt, Map.Entry<String, Integer> meeting) {
    int rank = options.nodeRank() * options.perNode() + local;
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (!flag.startsWith("-Dtune4j.terminal=")) {
        command.add(flag);
      }
    }
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "org.tune4j.launcher.Launcher"));
    command.addAll(arguments);
    if (attempt > 0 && !arguments.contains(RESUME)) {
      command.add(RESUME);
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    environment.put("MASTER_ADDR", meeting.getKey());
    environment.put("MASTER_PORT", meeting.getValue().toString());
    environment.put("WORLD_SIZE", Integer.toString(options.worldSize()));
    environment.put("RANK", Integer.toString(rank));
    environment.put("LOCAL_RANK", Integer.toString(local));
    environment.put("LOCAL_WORLD_SIZE", Integer.toString(options.perNode()));
    environment.put(PIPE, "1");
    // Its stack traces say less than the error that the rank itself prints.
    environment.putIfAbsent("TORCH_CPP_LOG_LEVEL", "FATAL");
    environment.put("TUNE_RESUME_COMMAND", resumeCommand);
    try {
      Process process = builder.start();
      Optional<Path> log = options.logDir().map(d -> d.resolve("attempt_" + attempt));
      return new Worker(rank, process, new RankOutput(rank, process, out, err, log));
    } catch (IOException e) {
      throw new EnvironmentException("rank %d cannot be started: %s".formatted(rank, e), e);
    }
  }

  /** Waits for the first failure, or the end of all. */
  private Optional<Failure> watch(List<Worker> workers) {
    boolean told = false;
    List<Worker> running = new ArrayList<>(workers);
    while (!running.isEmpty()) {
      if (stop.requested() && !told) {
        running.forEach(Agent::ask);
        told = true;
      }
      for (Worker w : List.copyOf(running)) {
        if (waits(w.process, 20)) {
          running.remove(w);
          int code = w.process.exitValue();
          // A rank that was told to stop, saved and did so has the signal's code.
          boolean stopped = told && code == 128 + 15;
          if (code != 0 && !stopped) {
            return Optional.of(first(workers));
          }
        }
      }
    }
    return Optional.empty();
  }

  /**
   * The failure that the others followed: ranks that lose one fail within moments, and may end
   * before it.
   */
  private static Failure first(List<Worker> workers) {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(FOLLOW_MILLIS);
    for (Worker w : workers) {
      boolean unused =
          waits(w.process, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
    }
    return workers.stream()
        .filter(w -> !w.process.isAlive() && w.process.exitValue() != 0)
        .map(Failure::of)
        .min(Comparator.comparingLong(Failure::when))
        .orElseThrow();
  }

  /** Ends what still runs: asks, then kills; then all output is through. */
  private void end(List<Worker> workers) {
    workers.forEach(Agent::ask);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(GRACE_SECONDS);
    for (Worker w : workers) {
      if (!waits(w.process, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()))) {
        w.process.destroyForcibly();
      }
    }
    workers.forEach(w -> w.output.close());
  }

  /** SIGTERM; {@link Process#destroy} would close the streams on which it says what it saved. */
  private static void ask(Worker w) {
    boolean unused = w.process.toHandle().destroy();
  }

  private static boolean waits(Process process, long millis) {
    try {
      return process.waitFor(Math.max(0, millis), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return !process.isAlive();
    }
  }

  private static int freePort() {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
