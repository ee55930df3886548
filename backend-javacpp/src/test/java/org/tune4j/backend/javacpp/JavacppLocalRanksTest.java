package org.tune4j.backend.javacpp;

import org.tune4j.kit.LocalRanksConformance;
import org.tune4j.spi.BackendProvider;

/** Threads as ranks on this backend. */
class JavacppLocalRanksTest extends LocalRanksConformance {
  @Override
  protected BackendProvider provider() {
    return new JavacppBackendProvider();
  }
}
