package org.tune4j.backend.djl;

import org.tune4j.kit.BackendConformance;
import org.tune4j.spi.BackendProvider;

final class DjlConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new DjlBackendProvider();
  }
}
