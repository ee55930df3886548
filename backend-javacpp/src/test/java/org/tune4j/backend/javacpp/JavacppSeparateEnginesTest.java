package org.tune4j.backend.javacpp;

import org.tune4j.collective.SeparateEnginesConformance;
import org.tune4j.spi.BackendProvider;

final class JavacppSeparateEnginesTest extends SeparateEnginesConformance {
  @Override
  protected BackendProvider provider() {
    return new JavacppBackendProvider();
  }
}
