package org.tune4j.backend.javacpp;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.tune4j.EnvironmentException;
import org.tune4j.platform.NativeFolder;
import org.tune4j.platform.Platform;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** {@code backend=javacpp}: libtorch through {@code org.bytedeco:pytorch}, on the CPU or CUDA. */
public final class JavacppBackendProvider implements BackendProvider {
  /** Where JavaCPP unpacks natives. */
  private static final String CACHE = "org.bytedeco.javacpp.cachedir";

  static final String NAME = "javacpp";

  /** Names the backend whose libtorch this process has loaded; both backends look at it. */
  private static final String OPENED = "tune4j.libtorch.opened";

  private static final String VERSION = "JavaCPP 1.5.13, PyTorch 2.10.0";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    return VERSION;
  }

  @Override
  public Availability availability() {
    return availability(Platform.here());
  }

  static Availability availability(Platform here) {
    String platform = here.javacpp();
    if (!onClassPath("org/bytedeco/pytorch/Tensor.class")) {
      return Availability.no("org.bytedeco:pytorch is not on the class path; add it");
    }
    if (platform.equals("linux-arm64")) {
      return Availability.no(
          "JavaCPP publishes no native libraries of PyTorch 2.10.0 for Linux on arm64; use backend djl");
    }
    for (String library : List.of("javacpp", "openblas", "pytorch")) {
      if (!hasNatives(library, platform) && !hasNatives(library, platform + "-gpu")) {
        return Availability.no(
            "org.bytedeco:%s has no native libraries for %s on the class path; add its jar with classifier %s"
                .formatted(library, platform, platform));
      }
    }
    return Availability.yes(List.of(Device.CPU));
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> all = EnumSet.allOf(Capability.class);
    if (!hasNatives("pytorch", Platform.here().javacpp() + "-gpu")) {
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
    return new JavacppMemory();
  }

  @Override
  public Backend open(BackendOptions options) {
    Availability here = availability();
    if (!here.available()) {
      throw new EnvironmentException(
          "backend '%s' cannot be opened: %s".formatted(NAME, here.reason()));
    }
    claimProcess();
    if (System.getProperty(CACHE) == null) {
      System.setProperty(CACHE, NativeFolder.ofUser(".javacpp/cache", CACHE).toString());
    }
    // JavaCPP reads these once. The first two compare the resident size, mapped weights included,
    // with the heap; the last spares a reference queue that nothing needs where every tensor has
    // an owner.
    setUnlessGiven("org.bytedeco.javacpp.maxBytes", "0");
    setUnlessGiven("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    setUnlessGiven("org.bytedeco.javacpp.nopointergc", "true");
    try {
      return new JavacppBackend(VERSION, capabilities(), dtypes(), options);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
      throw new EnvironmentException(
          "backend '%s' cannot be opened: its native libraries do not load (%s); JavaCPP unpacks them to %s, which must be writable and allow execution (%s names another folder)"
              .formatted(NAME, e, System.getProperty(CACHE), CACHE),
          e);
    }
  }

  /** Refuses where another backend's libtorch is loaded: the two cannot live in one process. */
  private static void claimProcess() {
    Object before = System.getProperties().putIfAbsent(OPENED, NAME);
    if (before != null && !before.equals(NAME)) {
      throw new EnvironmentException(
          "backend '%s' cannot be opened: this process already runs backend '%s', and each brings its own libtorch; start another process"
              .formatted(NAME, before));
    }
  }

  private static void setUnlessGiven(String property, String value) {
    System.getProperties().putIfAbsent(property, value);
  }

  private static boolean hasNatives(String library, String platform) {
    String jni =
        switch (library) {
          case "javacpp" -> "jnijavacpp";
          case "openblas" -> "jniopenblas_nolapack";
          default -> "jnitorch";
        };
    return onClassPath(
        "org/bytedeco/%s/%s/%s".formatted(library, platform, System.mapLibraryName(jni)));
  }

  private static boolean onClassPath(String resource) {
    return JavacppBackendProvider.class.getClassLoader().getResource(resource) != null;
  }
}
