package com.example.counting;

import org.tune4j.kit.BackendConformance;
import org.tune4j.spi.BackendProvider;

/** All that a third party writes to have its backend checked. */
final class CountingConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new CountingBackendProvider();
  }
}
