package org.tune4j.agent;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.tune4j.CollectiveException;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.recipe.RunListener;

/**
 * Starts a process a rank and looks after them: their output is prefixed by their rank, the first
 * that fails ends the others, and a stop reaches all. A rank's standard input is a pipe from here
 * that ends with this process, however it ends, and the rank with it.
 */
public final class Agent {
  /** In a rank's environment: its standard input ends when it must. */
  static final String PIPE = "TUNE_AGENT_PIPE";

  /** In a rank's environment: a file that rank 0 deletes when checkpoints may be this run's. */
  private static final String BEGUN = "TUNE_AGENT_NOT_BEGUN";

  private static final String RESUME = "--resume";
  private static final int GRACE_SECONDS = 5;
  private static final int FOLLOW_MILLIS = 500;

  private final TorchrunOptions options;
  private final List<String> worker;
  private final String resumeCommand;
  private final PrintStream out;
  private final PrintStream err;
  private final BooleanSupplier stop;

  /**
   * An agent.
   *
   * @param options how many ranks, and where they meet
   * @param worker the command that is a rank
   * @param resumeCommand what goes on with the run, for people
   * @param out takes what ranks print
   * @param err takes what ranks and the agent complain of
   * @param stop whether ranks should save and end
   */
  public Agent(
      TorchrunOptions options,
      List<String> worker,
      String resumeCommand,
      PrintStream out,
      PrintStream err,
      BooleanSupplier stop) {
    this.options = options;
    this.worker = worker;
    this.resumeCommand = resumeCommand;
    this.out = out;
    this.err = err;
    this.stop = stop;
  }

  private record Worker(int rank, Process process, RankOutput output) {}

  record Failure(int rank, int code, Optional<RankOutput.Complaint> complaint) {
    static Failure of(Worker w) {
      w.output.close(); // its last words may still be on their way
      return new Failure(w.rank, w.process.exitValue(), w.output.firstComplaint());
    }

    boolean killed() {
      return code > 128;
    }

    /** A rank that was killed says nothing, and is why the others complain. */
    long when() {
      return complaint.map(RankOutput.Complaint::nanos).orElse(Long.MIN_VALUE);
    }

    @Override
    public String toString() {
      return killed()
          ? "rank %d was killed by signal %d".formatted(rank, code - 128)
          : "rank %d failed with exit code %d%s"
              .formatted(rank, code, complaint.map(c -> " (" + c.text() + ")").orElse(""));
    }
  }

  /** What ranks are to do now. */
  enum Order {
    GO_ON,
    /** Finish the step, save and end. */
    SAVE,
    /** End within seconds. */
    END
  }

  /**
   * One start of all ranks.
   *
   * @param number from 0
   * @param resumes whether a checkpoint is theirs to go on from
   * @param firstRank of this machine
   * @param fullSize how many ranks there are when all machines are there
   * @param host of rank 0
   */
  record Round(
      int number,
      boolean resumes,
      int firstRank,
      int worldSize,
      int fullSize,
      String host,
      int port) {}

  /**
   * How a round ended here.
   *
   * @param begun whether this machine's rank 0 has made a step
   * @param told whether ranks were ordered to end
   */
  record Result(Optional<Failure> failure, boolean begun, boolean told) {}

  /**
   * Hears the first steps of the rank that writes, for the agent that started it.
   *
   * @param environment a rank's, or any other
   * @return to be told of steps
   */
  public static RunListener listener(Map<String, String> environment) {
    String file = environment.get(BEGUN);
    return file == null
        ? RunListener.NONE
        : new RunListener() {
          @Override
          public void step(long step, long totalSteps, Map<String, Number> metrics) {
            new File(file).delete();
          }
        };
  }

  /**
   * Runs all ranks of this machine to their end, again from the newest checkpoint where they fail
   * and may. Where machines are numbered as they come, meets the others first.
   *
   * @throws CollectiveException when they failed; names the rank that did first
   */
  public void run() {
    if (options.meets()) {
      Membership.run(this, options, err, stop);
    } else {
      runAlone();
    }
  }

  private void runAlone() {
    Optional<RendezvousToken> unused = options.tokenOfMachines();
    int restarts = options.maxRestarts();
    boolean begun = false;
    for (int attempt = 0; ; attempt++) {
      Map.Entry<String, Integer> endpoint = options.endpoint(Agent::freePort);
      int worldSize = options.worldSize();
      // On several machines only one knows whether the run has begun.
      boolean resumes = attempt > 0 && (begun || options.nodes() > 1);
      Result result =
          attempt(
              new Round(
                  attempt,
                  resumes,
                  options.nodeRank() * options.perNode(),
                  worldSize,
                  worldSize,
                  endpoint.getKey(),
                  endpoint.getValue()),
              () -> stop.getAsBoolean() ? Order.SAVE : Order.GO_ON);
      begun |= result.begun;
      if (result.failure.isEmpty()) {
        return;
      }
      if (attempt == restarts || stop.getAsBoolean()) {
        throw new CollectiveException(ended(result.failure.get().toString(), attempt));
      }
      err.println("tune: " + restart(result.failure.get().toString(), attempt + 1, restarts));
    }
  }

  static String ended(String failure, int restarts) {
    return "%s, and the others were stopped%s"
        .formatted(failure, restarts == 0 ? "" : ", after %d restarts".formatted(restarts));
  }

  static String restart(String failure, int number, int of) {
    return "%s; restart %d of %d from the newest checkpoint".formatted(failure, number, of);
  }

  /** Runs this machine's ranks once. */
  Result attempt(Round round, Supplier<Order> orders) {
    List<Worker> workers = new ArrayList<>();
    Path begun = notBegun();
    boolean[] told = {false};
    Optional<Failure> failure;
    try {
      for (int local = 0; local < options.perNode(); local++) {
        workers.add(start(local, round, begun));
      }
      failure = watch(workers, orders, told);
    } finally {
      end(workers);
    }
    return new Result(failure, !begun.toFile().delete(), told[0]);
  }

  /** A file that rank 0 removes when it has made a step. */
  private static Path notBegun() {
    try {
      return Files.createTempFile("tune-", ".not-begun");
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s"
              .formatted(System.getProperty("java.io.tmpdir"), TuneException.reason(e)),
          e);
    }
  }

  private Worker start(int local, Round round, Path begun) {
    int rank = round.firstRank + local;
    List<String> command = new ArrayList<>(worker);
    if (round.resumes && !worker.contains(RESUME)) {
      command.add(RESUME);
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    environment.put("MASTER_ADDR", round.host);
    environment.put("MASTER_PORT", Integer.toString(round.port));
    environment.put("WORLD_SIZE", Integer.toString(round.worldSize));
    environment.put(ProcessRanks.FULL_SIZE, Integer.toString(round.fullSize));
    environment.put("RANK", Integer.toString(rank));
    environment.put("LOCAL_RANK", Integer.toString(local));
    environment.put("LOCAL_WORLD_SIZE", Integer.toString(options.perNode()));
    environment.put(PIPE, "1");
    options.token().ifPresent(t -> environment.put(RendezvousToken.VARIABLE, t.text()));
    environment.put(BEGUN, begun.toString());
    // Its stack traces say less than the error that the rank itself prints.
    environment.putIfAbsent("TORCH_CPP_LOG_LEVEL", "FATAL");
    environment.put("TUNE_RESUME_COMMAND", resumeCommand);
    try {
      Process process = builder.start();
      Optional<Path> log = options.logDir().map(d -> d.resolve("attempt_" + round.number));
      return new Worker(rank, process, new RankOutput(rank, process, out, err, log));
    } catch (IOException e) {
      throw new EnvironmentException("rank %d cannot be started: %s".formatted(rank, e), e);
    }
  }

  /**
   * Waits for the first failure, the end of all, or the order to end them.
   *
   * @param told becomes whether they were ordered to end
   */
  private Optional<Failure> watch(List<Worker> workers, Supplier<Order> orders, boolean[] told) {
    List<Worker> running = new ArrayList<>(workers);
    while (!running.isEmpty()) {
      Order order = orders.get();
      if (order == Order.END) {
        // One that has failed already may be why all are ended.
        Optional<Failure> failure = told[0] ? Optional.empty() : earliest(running);
        told[0] = true;
        return failure;
      }
      if (order == Order.SAVE && !told[0]) {
        running.forEach(Agent::ask);
        told[0] = true;
      }
      for (Worker w : List.copyOf(running)) {
        if (waits(w.process, 20)) {
          running.remove(w);
          int code = w.process.exitValue();
          // A rank that was told to stop, saved and did so has the signal's code.
          boolean stopped = told[0] && code == 128 + 15;
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
    return earliest(workers).orElseThrow();
  }

  private static Optional<Failure> earliest(List<Worker> workers) {
    return workers.stream()
        .filter(w -> !w.process.isAlive() && w.process.exitValue() != 0)
        .map(Failure::of)
        .min(Comparator.comparingLong(Failure::when));
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

  /**
   * SIGTERM; {@link Process#destroy} would close the streams on which it says what it saved. Where
   * that would kill, as on Windows, its standard input ends, which a rank takes for the same.
   */
  private static void ask(Worker w) {
    if (w.process.supportsNormalTermination()) {
      boolean unused = w.process.toHandle().destroy();
    } else {
      try {
        w.process.getOutputStream().close();
      } catch (IOException e) {
        // it has ended
      }
    }
  }

  private static boolean waits(Process process, long millis) {
    try {
      return process.waitFor(Math.max(0, millis), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return !process.isAlive();
    }
  }

  static int freePort() {
    try (ServerSocket s = new ServerSocket(0)) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
