package org.tune4j.spi;

import java.time.Duration;
import org.tune4j.UsageException;

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
   * @param masterAddr the host of rank 0
   * @param masterPort 1 to 65535
   * @param rank 0 to below {@code worldSize}
   * @param worldSize 1 or more
   * @param localRank among those of its machine
   * @param agentListens whether the launcher keeps the store
   * @param timeout how long a rank waits for the others
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
}
