package org.tune4j.backend.javacpp;

import org.tune4j.kit.BackendConformance;
import org.tune4j.spi.BackendProvider;

/** The conformance kit on this backend. */
class JavacppConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new JavacppBackendProvider();
  }
}
