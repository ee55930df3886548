package org.tune4j.collective;

import java.util.Optional;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;

/** How a run meets its other ranks. Known before anything native is loaded. */
public interface Ranks {
  /** {@return this rank, from 0} */
  int rank();

  /** {@return how many there are} */
  int worldSize();

  /** {@return how many of them share this machine's cores} */
  int localWorldSize();

  /**
   * Opens the backend and waits for the other ranks.
   *
   * @param backend a provider's name; empty for the first available
   * @param options device and threads
   * @return open; the caller closes it
   * @throws org.tune4j.UsageException when the backend cannot do this
   * @throws org.tune4j.CollectiveException when the ranks do not meet in time
   */
  ProcessGroup join(String backend, BackendOptions options);

  /**
   * {@return one rank}
   *
   * @param backends of which it opens one
   */
  static Ranks alone(Backends backends) {
    return new Ranks() {
      @Override
      public int rank() {
        return 0;
      }

      @Override
      public int worldSize() {
        return 1;
      }

      @Override
      public int localWorldSize() {
        return 1;
      }

      @Override
      public ProcessGroup join(String backend, BackendOptions options) {
        return new ProcessGroup(backends.open(backend, options), Optional.empty(), true);
      }
    };
  }
}
