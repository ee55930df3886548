package org.tune4j.reference;

import org.tune4j.kit.BackendConformance;
import org.tune4j.spi.BackendProvider;

final class ReferenceConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new ReferenceBackendProvider();
  }
}
