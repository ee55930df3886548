package org.tune4j.backend.djl;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.tune4j.EnvironmentException;
import org.tune4j.platform.Platform;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.spi.KernelMemory;
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
    return availability(Platform.here());
  }

  static Availability availability(Platform here) {
    ClassLoader loader = DjlBackendProvider.class.getClassLoader();
    if (loader.getResource("ai/djl/pytorch/engine/PtEngine.class") == null) {
      return Availability.no(
          "DJL's engine is not on the class path; add ai.djl.pytorch:pytorch-engine:0.36.0");
    }
    String platform = here.djl();
    if (platform.equals("osx-x86_64")) {
      return Availability.no(
          "DJL publishes no native libraries of PyTorch 2.7.1 for Macs with Intel processors; use backend javacpp");
    }
    if (setting("PYTORCH_LIBRARY_PATH").isEmpty()
        && natives().stream().noneMatch(n -> platform.equals(n.getProperty("classifier")))) {
      return Availability.no(
          "PyTorch's native libraries for %s are not on the class path; add ai.djl.pytorch:pytorch-native-cpu:2.7.1 with classifier %s, or set PYTORCH_LIBRARY_PATH to the libraries of an installed PyTorch 2.7.1"
              .formatted(platform, platform));
    }
    if (loader.getResource("jnilib/pytorch.properties") == null) {
      return Availability.no(
          "DJL's bindings are not on the class path; add ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0");
    }
    return Availability.yes(List.of(Device.CPU));
  }

  /** What the native jars on the class path say of themselves. */
  private static List<Properties> natives() {
    List<Properties> all = new ArrayList<>();
    try {
      for (URL url :
          Collections.list(
              DjlBackendProvider.class
                  .getClassLoader()
                  .getResources("native/lib/pytorch.properties"))) {
        try (InputStream in = url.openStream()) {
          Properties p = new Properties();
          p.load(in);
          all.add(p);
        }
      }
    } catch (IOException e) {
      throw new EnvironmentException(
          "the class path cannot be searched for PyTorch's native libraries: " + e, e);
    }
    return all;
  }

  /** A variable of the environment or a system property, as DJL reads them. */
  private static String setting(String name) {
    String variable = System.getenv(name);
    return variable != null ? variable : System.getProperty(name, "");
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> all = EnumSet.complementOf(EnumSet.of(Capability.PROCESSES));
    boolean cuda =
        !setting("PYTORCH_LIBRARY_PATH").isEmpty()
            || natives().stream().anyMatch(n -> n.getProperty("flavor", "").startsWith("cu"));
    if (!cuda) {
      all.remove(Capability.CUDA);
    }
    return all;
  }

  @Override
  public Set<DType> dtypes() {
    return DType.unquantised();
  }

  @Override
  public KernelMemory kernelMemory() {
    return new DjlMemory();
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
