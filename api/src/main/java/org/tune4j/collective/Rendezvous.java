package org.tune4j.collective;

import java.time.Duration;
import org.tune4j.UsageException;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.Engine;

/**
 * Where the processes of a run meet, in the words of PyTorch's launchers.
 *
 * @param masterAddr the host of rank 0
 * @param masterPort a port there; rank 0 listens unless {@code agentListens}
 * @param rank of this process, from 0
 * @param worldSize how many there are
 * @param localRank of this process among those of its machine, which is also its CUDA device
 * @param agentListens whether the launcher keeps the store, as torchrun does
 * @param timeout how long a rank waits for the others
 */
public record Rendezvous(
    String masterAddr,
    int masterPort,
    int rank,
    int worldSize,
    int localRank,
    boolean agentListens,
    Duration timeout) {
  /**
   * Checks rank and port.
   *
   * @throws UsageException in the words of the environment variables
   */
  public Rendezvous {
    if (worldSize < 1 || rank < 0 || rank >= worldSize) {
      throw new UsageException(
          "RANK is %d and WORLD_SIZE %d, expected 0 <= RANK < WORLD_SIZE"
              .formatted(rank, worldSize));
    }
    if (masterPort < 1 || masterPort > 65_535) {
      throw new UsageException(
          "MASTER_PORT is %d, expected a port from 1 to 65535".formatted(masterPort));
    }
  }

  /**
   * Meets the other ranks. Returns once all are there.
   *
   * @param engine whose tensors are exchanged
   * @return open; the caller closes it
   * @throws UsageException when the engine's backend is no {@link ProcessBackend}
   * @throws org.tune4j.CollectiveException when the ranks do not meet within the time-out
   */
  public Collectives join(Engine engine) {
    engine.require(Capability.PROCESSES);
    return ((ProcessBackend) engine.backend()).join(engine, this);
  }
}
