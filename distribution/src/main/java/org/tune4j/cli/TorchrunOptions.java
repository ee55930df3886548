package org.tune4j.cli;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import picocli.CommandLine.Option;

/** The options that torchrun takes before a recipe's name: how many ranks, and where they meet. */
final class TorchrunOptions {
  private static final int DEFAULT_PORT = 29_500;

  @Option(
      names = {"--nnodes", "--nodes"},
      paramLabel = "N",
      description = "Machines; N or N:N.")
  private String nodes = "1";

  @Option(
      names = {"--nproc_per_node", "--nproc-per-node"},
      paramLabel = "N",
      description = "Ranks on this machine; or cpu, auto: one a core.")
  private String processes = "1";

  @Option(
      names = "--ranks",
      paramLabel = "HOW",
      description =
          "processes, or threads of this process, the only way of backend=djl; auto by default.")
  private String how = "auto";

  @Option(
      names = {"--node_rank", "--node-rank"},
      paramLabel = "R",
      description = "This machine among them, from 0.")
  private int nodeRank;

  @Option(
      names = {"--rdzv_endpoint", "--rdzv-endpoint"},
      paramLabel = "HOST:PORT",
      description = "Where ranks meet, on machine 0.")
  private @Nullable String endpoint;

  @Option(
      names = {"--master_addr", "--master-addr"},
      paramLabel = "HOST",
      description = "The same, in two options.")
  private @Nullable String masterAddr;

  @Option(
      names = {"--master_port", "--master-port"},
      paramLabel = "PORT",
      description = "29500 by default.")
  private @Nullable Integer masterPort;

  @Option(
      names = {"--max_restarts", "--max-restarts"},
      paramLabel = "N",
      description = "How often a failed run goes on from its newest checkpoint.")
  private int maxRestarts;

  @Option(
      names = {"--log-dir", "--log_dir"},
      paramLabel = "DIR",
      description = "Keeps each rank's output there too: attempt_N/RANK/stdout.log, stderr.log.")
  private @Nullable Path logDir;

  @Option(
      names = {"--rdzv_backend", "--rdzv-backend"},
      paramLabel = "NAME",
      hidden = true)
  private String rendezvousBackend = "c10d";

  @Option(
      names = {"--rdzv_id", "--rdzv-id"},
      paramLabel = "ID",
      hidden = true)
  @SuppressWarnings("UnusedVariable") // told apart by their port
  private @Nullable String rendezvousId;

  @Option(names = "--standalone", hidden = true)
  private boolean standalone;

  /** How ranks are carried. */
  enum How {
    AUTO,
    PROCESSES,
    THREADS
  }

  How how() {
    return switch (how) {
      case "auto" -> How.AUTO;
      case "processes" -> How.PROCESSES;
      case "threads" -> How.THREADS;
      default ->
          throw new UsageException(
              "--ranks is '%s', expected auto, processes or threads".formatted(how));
    };
  }

  int nodes() {
    String[] range = nodes.split(":", -1);
    if (range.length == 2 && !range[0].equals(range[1])) {
      throw new UsageException(
          "--nnodes is %s: runs whose number of machines changes are not built; give one number"
              .formatted(nodes));
    }
    return positive("--nnodes", range[0], nodes);
  }

  int perNode() {
    return switch (processes) {
      case "cpu", "auto" -> Runtime.getRuntime().availableProcessors();
      case "gpu" ->
          throw new UsageException(
              "--nproc_per_node is gpu: several ranks on CUDA are not built; use cpu or a number");
      default -> positive("--nproc_per_node", processes, processes);
    };
  }

  int worldSize() {
    return Math.multiplyExact(nodes(), perNode());
  }

  int nodeRank() {
    if (nodeRank < 0 || nodeRank >= nodes()) {
      throw new UsageException(
          "--node_rank is %d, expected 0 to %d".formatted(nodeRank, nodes() - 1));
    }
    return nodeRank;
  }

  int maxRestarts() {
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
  Map.Entry<String, Integer> meeting(java.util.function.IntSupplier free) {
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
          "--nnodes is %s: the machines need a place to meet; add --node_rank R --rdzv_endpoint HOST:PORT, the same endpoint on each"
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
