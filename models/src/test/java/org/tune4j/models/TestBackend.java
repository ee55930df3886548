package org.tune4j.models;

import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;

/**
 * The backend that this JVM's tests run on: the one that {@code tune4j.test.backend} names, else
 * the plain-Java reference, else the first available; on the device that {@code tune4j.test.device}
 * names, else the CPU. Open for the life of the JVM.
 */
public final class TestBackend {
  private static final Engine ENGINE =
      Engine.open(
          provider(),
          new BackendOptions(Device.parse(System.getProperty("tune4j.test.device", "cpu")), 2));

  private TestBackend() {}

  public static Engine engine() {
    return ENGINE;
  }

  private static BackendProvider provider() {
    Backends installed = Backends.installed();
    String name = System.getProperty("tune4j.test.backend", "");
    boolean reference = installed.providers().stream().anyMatch(p -> p.name().equals("reference"));
    return installed.find(name.isEmpty() && reference ? "reference" : name);
  }
}
