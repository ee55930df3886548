package org.tune4j.cli;

import java.util.List;
import org.tune4j.UsageException;
import picocli.CommandLine.Option;

/** The options that torchrun takes before a recipe's name. One process is what is built so far. */
final class TorchrunOptions {
  @Option(
      names = {"--nnodes", "--nodes"},
      paramLabel = "N",
      description = "Machines. Only 1 so far.")
  private String nodes = "1";

  @Option(
      names = {"--nproc_per_node", "--nproc-per-node"},
      paramLabel = "N",
      description = "Processes on a machine. Only 1 so far.")
  private String processes = "1";

  /** What says how several processes meet: accepted, and of no effect on one. */
  @Option(
      names = {
        "--node_rank", "--node-rank",
        "--rdzv_endpoint", "--rdzv-endpoint",
        "--rdzv_id", "--rdzv-id",
        "--rdzv_backend", "--rdzv-backend",
        "--master_addr", "--master-addr",
        "--master_port", "--master-port",
        "--max_restarts", "--max-restarts"
      },
      paramLabel = "VALUE",
      hidden = true)
  @SuppressWarnings("UnusedVariable") // picocli sets it
  private List<String> meeting = List.of();

  @Option(names = "--standalone", hidden = true)
  @SuppressWarnings("UnusedVariable") // picocli sets it
  private boolean standalone;

  void refuseSeveralProcesses() {
    refuse("--nnodes", nodes);
    refuse("--nproc_per_node", processes);
  }

  private static void refuse(String option, String value) {
    if (!value.equals("1") && !value.equals("1:1")) {
      throw new UsageException(
          "%s is %s: runs of more than one process are not built yet; leave it out or give 1"
              .formatted(option, value));
    }
  }
}
