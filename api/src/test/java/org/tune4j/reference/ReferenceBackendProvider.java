package org.tune4j.reference;

import java.util.List;
import java.util.Set;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** The backend {@code reference}: plain Java, always available. */
public final class ReferenceBackendProvider implements BackendProvider {
  /** For {@link java.util.ServiceLoader}. */
  public ReferenceBackendProvider() {}

  @Override
  public String name() {
    return ReferenceBackend.NAME;
  }

  @Override
  public String version() {
    return ReferenceBackend.VERSION;
  }

  @Override
  public Availability availability() {
    return Availability.yes(List.of(Device.CPU));
  }

  @Override
  public Set<Capability> capabilities() {
    return ReferenceBackend.CAPABILITIES;
  }

  @Override
  public Set<DType> dtypes() {
    return ReferenceBackend.DTYPES;
  }

  @Override
  public Backend open(BackendOptions options) {
    return new ReferenceBackend(options);
  }
}
