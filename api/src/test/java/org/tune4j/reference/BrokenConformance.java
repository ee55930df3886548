package org.tune4j.reference;

import org.tune4j.kit.BackendConformance;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;

/** The kit on a broken backend; run by {@link BackendConformanceTest} alone. */
final class BrokenConformance extends BackendConformance {
  /** The one to run on. */
  static Backend broken = new ReferenceBackend(BackendOptions.DEFAULT);

  @Override
  protected BackendProvider provider() {
    ReferenceBackendProvider right = new ReferenceBackendProvider();
    return new BackendProvider() {
      @Override
      public String name() {
        return right.name();
      }

      @Override
      public String version() {
        return right.version();
      }

      @Override
      public Availability availability() {
        return right.availability();
      }

      @Override
      public java.util.Set<Capability> capabilities() {
        return right.capabilities();
      }

      @Override
      public java.util.Set<DType> dtypes() {
        return right.dtypes();
      }

      @Override
      public Backend open(BackendOptions options) {
        return broken;
      }
    };
  }
}
