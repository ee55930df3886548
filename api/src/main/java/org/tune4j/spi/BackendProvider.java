package org.tune4j.spi;

import java.util.Set;
import org.tune4j.tensor.DType;

/**
 * The one public type of a backend, found by {@link java.util.ServiceLoader} through {@code
 * META-INF/services/org.tune4j.spi.BackendProvider}. No method but {@link #open} loads anything
 * native.
 */
public interface BackendProvider {
  /** {@return the name a config uses: lower case, unique} */
  String name();

  /** {@return the versions of the libraries behind it, for people} */
  String version();

  /** {@return whether it could be opened here; the reason where it could not} */
  Availability availability();

  /** {@return what the backend declares; the kit holds it to that} */
  Set<Capability> capabilities();

  /** {@return the types that its tensors may have, of {@link DType#unquantised}} */
  Set<DType> dtypes();

  /** {@return what the backend's kernels keep for backward} */
  default KernelMemory kernelMemory() {
    return KernelMemory.PRIMITIVES;
  }

  /**
   * Loads natives and opens the backend.
   *
   * @param options device and threads
   * @return open; the caller closes it
   * @throws org.tune4j.EnvironmentException when the natives or the device are missing; says which
   *     jar or what to install
   */
  Backend open(BackendOptions options);
}
