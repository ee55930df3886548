package org.tune4j.collective;

import org.tune4j.spi.Backend;
import org.tune4j.tensor.Engine;

/**
 * A backend whose tensors the ranks of several processes can exchange. What declares {@link
 * org.tune4j.spi.Capability#PROCESSES} is one.
 */
public interface ProcessBackend extends Backend {
  /**
   * Meets the ranks of other processes. Returns once all are there.
   *
   * @param engine the engine over this backend whose tensors are exchanged
   * @param rendezvous where, as which rank of how many, and how long to wait
   * @return open; the caller closes it
   * @throws org.tune4j.CollectiveException when the ranks do not meet within the time-out
   */
  Collectives join(Engine engine, Rendezvous rendezvous);
}
