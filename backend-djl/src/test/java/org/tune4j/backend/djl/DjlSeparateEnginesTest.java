package org.tune4j.backend.djl;

import org.tune4j.collective.SeparateEnginesConformance;
import org.tune4j.spi.BackendProvider;

final class DjlSeparateEnginesTest extends SeparateEnginesConformance {
  @Override
  protected BackendProvider provider() {
    return new DjlBackendProvider();
  }
}
