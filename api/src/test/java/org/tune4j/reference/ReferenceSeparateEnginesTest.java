package org.tune4j.reference;

import org.tune4j.collective.SeparateEnginesConformance;
import org.tune4j.spi.BackendProvider;

final class ReferenceSeparateEnginesTest extends SeparateEnginesConformance {
  @Override
  protected BackendProvider provider() {
    return new ReferenceBackendProvider();
  }
}
