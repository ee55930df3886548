package org.tune4j.reference;

import org.tune4j.kit.LocalRanksConformance;
import org.tune4j.spi.BackendProvider;

/** Threads as ranks on the plain-Java backend. */
final class ReferenceLocalRanksTest extends LocalRanksConformance {
  @Override
  protected BackendProvider provider() {
    return new ReferenceBackendProvider();
  }
}
