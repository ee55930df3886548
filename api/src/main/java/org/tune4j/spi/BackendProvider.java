package org.tune4j.spi;

import java.util.Set;
import org.tune4j.tensor.DType;

/**
 * The one public type of a backend, found by {@link java.util.ServiceLoader} through {@code
 * META-INF/services/org.tune4j.spi.BackendProvider}. No method but {@link #open} loads anything
 * native.
 */
public interface BackendProvider {
  /** The name a config uses: lower case, unique. */
  String name();

  /** The versions of the libraries behind it, for people. */
  String version();

  Availability availability();

  Set<Capability> capabilities();

  Set<DType> dtypes();

  /**
   * Loads natives and opens the backend.
   *
   * @throws org.tune4j.EnvironmentException when the natives or the device are missing; says which
   *     jar or what to install
   */
  Backend open(BackendOptions options);
}
