package org.tune4j.agent;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.platform.Gpus;
import picocli.CommandLine.Option;

/** The options that torchrun takes before a recipe's name: how many ranks, and where they meet. */
public final class TorchrunOptions {
  private static final int DEFAULT_PORT = 29_500;
  private static final String JOIN = "join_timeout";
  private static final String LAST_CALL = "last_call_timeout";

  @Option(
      names = {"--nnodes", "--nodes"},
      paramLabel = "N",
      description = "Number of machines: N, or MIN:MAX for an elastic run.")
  private String nodes = "1";

  @Option(
      names = {"--nproc_per_node", "--nproc-per-node"},
      paramLabel = "N",
      description =
          "Ranks on this machine: N, cpu (one per core), gpu (one per GPU), auto (gpu or cpu).")
  private String processes = "1";

  @Option(
      names = "--ranks",
      paramLabel = "HOW",
      description =
          "processes, threads (of this process; backend=djl needs them) or auto (default).")
  private String how = "auto";

  @Option(
      names = {"--node_rank", "--node-rank"},
      paramLabel = "R",
      description = "This machine's number, from 0 (default: in order of arrival).")
  private @Nullable Integer nodeRank;

  @Option(
      names = {"--rdzv_endpoint", "--rdzv-endpoint"},
      paramLabel = "HOST:PORT",
      description = "The address where ranks meet, on machine 0.")
  private @Nullable String endpoint;

  @Option(
      names = {"--master_addr", "--master-addr"},
      paramLabel = "HOST",
      description = "The host of --rdzv_endpoint.")
  private @Nullable String masterAddr;

  @Option(
      names = {"--master_port", "--master-port"},
      paramLabel = "PORT",
      description = "The port of --rdzv_endpoint (default: 29500).")
  private @Nullable Integer masterPort;

  @Option(
      names = {"--max_restarts", "--max-restarts"},
      paramLabel = "N",
      description = "How often a failed run restarts from its newest checkpoint.")
  private int maxRestarts;

  @Option(
      names = {"--log-dir", "--log_dir"},
      paramLabel = "DIR",
      description = "The folder for each rank's output: attempt_N/RANK/stdout.log, stderr.log.")
  private @Nullable Path logDir;

  @Option(
      names = {"--rdzv_backend", "--rdzv-backend"},
      paramLabel = "NAME",
      hidden = true)
  private String rendezvousBackend = "c10d";

  @Option(
      names = {"--rdzv_conf", "--rdzv-conf"},
      paramLabel = "KEY=SECONDS,...",
      description =
          "join_timeout (600): seconds to wait for enough machines; last_call_timeout (30): seconds to wait for more.")
  private String rendezvousConfig = "";

  @Option(
      names = {"--rdzv_id", "--rdzv-id"},
      paramLabel = "ID",
      hidden = true)
  private String rendezvousId = "";

  @Option(
      names = {"--rdzv_token_file", "--rdzv-token-file"},
      paramLabel = "FILE",
      description =
          "A file with the token that the machines of a run share (default: TUNE_RDZV_TOKEN).")
  private @Nullable Path tokenFile;

  @Option(
      names = {"--rdzv_token", "--rdzv-token"},
      paramLabel = "TOKEN",
      description = "The token itself; other users of this machine can see it.")
  private @Nullable String token;

  @Option(names = "--standalone", hidden = true)
  private boolean standalone;

  /** How ranks are carried. */
  public enum How {
    /** As the backend does. */
    AUTO,
    /** A process each. */
    PROCESSES,
    /** A thread each, in this process. */
    THREADS
  }

  /** None given: one rank on this machine. */
  public TorchrunOptions() {}

  /** {@return how ranks are carried} */
  public How how() {
    return switch (how) {
      case "auto" -> How.AUTO;
      case "processes" -> How.PROCESSES;
      case "threads" -> How.THREADS;
      default ->
          throw new UsageException(
              "--ranks is '%s', expected auto, processes or threads".formatted(how));
    };
  }

  /** {@return the most machines there can be} */
  public int nodes() {
    return range()[1];
  }

  private int[] range() {
    String[] ends = nodes.split(":", -1);
    int min = positive("--nnodes", ends[0], nodes);
    int max = positive("--nnodes", ends[ends.length - 1], nodes);
    if (ends.length > 2 || min > max) {
      throw new UsageException("--nnodes is %s, expected N or MIN:MAX".formatted(nodes));
    }
    return new int[] {min, max};
  }

  /** Whether machines come and go, or at least are numbered as they come. */
  boolean meets() {
    int[] range = range();
    boolean changes = range[0] < range[1];
    if (changes && nodeRank != null) {
      throw new UsageException(
          "--node_rank is %d, but --nnodes %s numbers machines in order of arrival; leave it out"
              .formatted(nodeRank, nodes));
    }
    if (changes && rendezvousBackend.equals("static")) {
      throw new UsageException(
          "--rdzv_backend is 'static', which cannot have --nnodes %s; use c10d".formatted(nodes));
    }
    return changes || (range[1] > 1 && nodeRank == null && !rendezvousBackend.equals("static"));
  }

  /** The token that machines show each other, where one was given. */
  Optional<RendezvousToken> token() {
    return RendezvousToken.of(token, tokenFile, System.getenv());
  }

  /**
   * The same.
   *
   * @throws UsageException when there is none and other machines can reach where these meet
   */
  Optional<RendezvousToken> tokenOfMachines() {
    Optional<RendezvousToken> given = token();
    if (given.isEmpty() && nodes() > 1) {
      Map.Entry<String, Integer> where = endpoint(() -> DEFAULT_PORT);
      if (!Coordinator.isLocal(new InetSocketAddress(where.getKey(), where.getValue()))) {
        throw new UsageException(
            "other machines can reach %s:%d, so the machines of this run need a token: create one with `(umask 077; openssl rand -hex 32 > rdzv.token)`, copy it to each machine, and add --rdzv_token_file rdzv.token"
                .formatted(where.getKey(), where.getValue()));
      }
    }
    return given;
  }

  /** What machines that meet must agree on, and how long they wait. */
  Coordinator.Terms terms() {
    int[] range = range();
    Map<String, Duration> times = new TreeMap<>();
    times.put(JOIN, ProcessRanks.timeout(System.getenv()));
    times.put(LAST_CALL, Duration.ofSeconds(30));
    for (String entry : rendezvousConfig.isEmpty() ? new String[0] : rendezvousConfig.split(",")) {
      String[] pair = entry.split("=", 2);
      if (pair.length < 2 || !times.containsKey(pair[0]) || !pair[1].matches("\\d{1,6}")) {
        throw new UsageException(
            "--rdzv_conf has '%s', expected %s=SECONDS or %s=SECONDS"
                .formatted(entry, JOIN, LAST_CALL));
      }
      times.put(pair[0], Duration.ofSeconds(Long.parseLong(pair[1])));
    }
    return new Coordinator.Terms(
        rendezvousId,
        range[0],
        range[1],
        maxRestarts(),
        times.getOrDefault(JOIN, Duration.ZERO),
        times.getOrDefault(LAST_CALL, Duration.ZERO));
  }

  /** {@return ranks on this machine} */
  public int perNode() {
    int gpus = processes.matches("gpu|auto") ? Gpus.count() : 0;
    if (processes.equals("gpu") && gpus == 0) {
      throw new UsageException(
          "--nproc_per_node is gpu, and no NVIDIA GPU is found in /dev and CUDA_VISIBLE_DEVICES; use cpu or a number");
    }
    return switch (processes) {
      case "gpu" -> gpus;
      case "cpu" -> Runtime.getRuntime().availableProcessors();
      case "auto" -> gpus > 0 ? gpus : Runtime.getRuntime().availableProcessors();
      default -> positive("--nproc_per_node", processes, processes);
    };
  }

  /** {@return the most ranks there can be} */
  public int worldSize() {
    return Math.multiplyExact(nodes(), perNode());
  }

  int nodeRank() {
    int rank = nodeRank == null ? 0 : nodeRank;
    if (rank < 0 || rank >= nodes()) {
      throw new UsageException("--node_rank is %d, expected 0 to %d".formatted(rank, nodes() - 1));
    }
    return rank;
  }

  /** {@return {@code --nnodes} as it was given} */
  public String givenNodes() {
    return nodes;
  }

  /** {@return how often a failed run goes on from its newest checkpoint} */
  public int maxRestarts() {
    if (maxRestarts < 0) {
      throw new UsageException("--max_restarts is %d, expected 0 or more".formatted(maxRestarts));
    }
    return maxRestarts;
  }

  Optional<Path> logDir() {
    return Optional.ofNullable(logDir);
  }

  /**
   * Where ranks meet.
   *
   * @param free gives a port that nobody uses here
   */
  Map.Entry<String, Integer> endpoint(IntSupplier free) {
    if (!rendezvousBackend.equals("c10d") && !rendezvousBackend.equals("static")) {
      throw new UsageException(
          "--rdzv_backend is '%s', expected c10d".formatted(rendezvousBackend));
    }
    String host = masterAddr;
    Integer port = masterPort;
    if (endpoint != null && !endpoint.isEmpty()) {
      int colon = endpoint.lastIndexOf(':');
      host = colon < 0 ? endpoint : endpoint.substring(0, colon);
      port =
          colon < 0
              ? port
              : Integer.valueOf(
                  positive("--rdzv_endpoint's port", endpoint.substring(colon + 1), endpoint));
    }
    if (nodes() == 1) {
      boolean here = host == null || standalone;
      return Map.entry(
          here ? "127.0.0.1" : String.valueOf(host), port == null ? free.getAsInt() : port);
    }
    if (host == null) {
      throw new UsageException(
          "--nnodes is %s: the machines need a place to meet; add --rdzv_endpoint HOST:PORT, the same on each"
              .formatted(nodes));
    }
    return Map.entry(host, port == null ? DEFAULT_PORT : port);
  }

  private static int positive(String option, String number, String given) {
    try {
      int n = Integer.parseInt(number);
      if (n > 0) {
        return n;
      }
    } catch (NumberFormatException e) {
      // refused below
    }
    throw new UsageException("%s is %s, expected 1 or more".formatted(option, given));
  }
}
