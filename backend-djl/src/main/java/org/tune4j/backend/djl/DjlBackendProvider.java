package org.tune4j.backend.djl;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.tune4j.EnvironmentException;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** Opens the backend on DJL's PyTorch engine. */
public final class DjlBackendProvider implements BackendProvider {
  /** The system property in which a process remembers whose libtorch it has loaded. */
  private static final String OPENED = "tune4j.libtorch.opened";

  private static final String NAME = "djl";

  /** For {@link java.util.ServiceLoader}. */
  public DjlBackendProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    return "DJL 0.36.0, PyTorch 2.7.1";
  }

  @Override
  public Availability availability() {
    ClassLoader loader = DjlBackendProvider.class.getClassLoader();
    if (loader.getResource("ai/djl/pytorch/engine/PtEngine.class") == null) {
      return Availability.no("DJL's engine is missing; add ai.djl.pytorch:pytorch-engine:0.36.0");
    }
    if (System.getenv("PYTORCH_LIBRARY_PATH") != null
        || System.getProperty("PYTORCH_LIBRARY_PATH") != null) {
      return Availability.yes(List.of(Device.CPU));
    }
    if (loader.getResource("native/lib/pytorch.properties") == null) {
      return Availability.no(
          "PyTorch's natives are missing; add ai.djl.pytorch:pytorch-native-cpu:2.7.1 with this platform's classifier, such as linux-x86_64, or set PYTORCH_LIBRARY_PATH to an installed PyTorch 2.7.1");
    }
    if (loader.getResource("jnilib/pytorch.properties") == null) {
      return Availability.no(
          "DJL's bindings are missing; add ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0");
    }
    return Availability.yes(List.of(Device.CPU));
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.allOf(Capability.class);
  }

  @Override
  public Set<DType> dtypes() {
    return EnumSet.allOf(DType.class);
  }

  @Override
  public Backend open(BackendOptions options) {
    Availability a = availability();
    if (!a.available()) {
      throw new EnvironmentException(
          "backend '%s' cannot be opened: %s".formatted(NAME, a.reason()));
    }
    Object before = System.getProperties().putIfAbsent(OPENED, NAME);
    if (before != null && !before.equals(NAME)) {
      throw new EnvironmentException(
          "backend '%s' cannot be opened: this process already runs backend '%s', and each brings its own libtorch; start another process"
              .formatted(NAME, before));
    }
    // DJL calls home from a static initialiser and downloads what it misses unless told not to.
    System.setProperty("OPT_OUT_TRACKING", "true");
    if (System.getProperty("ai.djl.offline") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
    return DjlBackend.open(this, options);
  }
}
