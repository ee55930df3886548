package org.tune4j.collective;

import java.util.Optional;
import org.tune4j.UsageException;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Device;

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
   * {@return the device of one of several ranks: of a machine's GPUs that of its number there}
   *
   * @param asked what the run asks for
   * @param localRank its number, from 0, among those of its machine
   * @throws UsageException when one GPU is asked for, for all of them
   */
  static Device device(Device asked, int localRank) {
    if (asked.type() == Device.Type.CPU) {
      return asked;
    }
    if (asked.index() != 0) {
      throw new UsageException(
          "device is %s, but each of several ranks needs its own GPU; use device=cuda, and CUDA_VISIBLE_DEVICES to choose among them"
              .formatted(asked));
    }
    return new Device(Device.Type.CUDA, localRank);
  }

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
