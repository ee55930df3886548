package org.tune4j.spi;

import java.util.List;
import org.tune4j.tensor.Device;

/**
 * Whether a backend could be opened here, found out without loading anything native.
 *
 * @param available whether {@link BackendProvider#open} can be expected to succeed
 * @param reason when it is not available, why, and which jar to add; empty otherwise
 * @param devices devices that can be seen without loading natives; at least {@code cpu} where
 *     available
 */
public record Availability(boolean available, String reason, List<Device> devices) {
  /**
   * Checks that a reason is given exactly where it is needed.
   *
   * @throws IllegalArgumentException when one says yes and the other no
   */
  public Availability {
    devices = List.copyOf(devices);
    if (available != reason.isEmpty()) {
      throw new IllegalArgumentException(
          "a reason is given exactly where a backend is not available");
    }
  }

  /**
   * {@return that it can be opened}
   *
   * @param devices at least {@code cpu}
   */
  public static Availability yes(List<Device> devices) {
    return new Availability(true, "", devices);
  }

  /**
   * {@return that it cannot be opened}
   *
   * @param reason why, and which jar to add or what to install
   */
  public static Availability no(String reason) {
    return new Availability(false, reason, List.of());
  }
}
