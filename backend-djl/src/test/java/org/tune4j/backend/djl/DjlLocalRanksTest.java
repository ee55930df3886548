package org.tune4j.backend.djl;

import org.tune4j.kit.LocalRanksConformance;
import org.tune4j.spi.BackendProvider;

/** Threads as ranks on this backend. */
final class DjlLocalRanksTest extends LocalRanksConformance {
  @Override
  protected BackendProvider provider() {
    return new DjlBackendProvider();
  }
}
