package org.tune4j.spi;

import org.tune4j.tensor.Device;

/**
 * How a backend is opened.
 *
 * @param device where tensors lie unless another device is named
 * @param threads threads of one operation on the CPU; 0 for as many as there are cores
 */
public record BackendOptions(Device device, int threads) {
  /** The CPU, all cores. */
  public static final BackendOptions DEFAULT = new BackendOptions(Device.CPU, 0);

  /**
   * Checks the number of threads.
   *
   * @throws IllegalArgumentException when it is negative
   */
  public BackendOptions {
    if (threads < 0) {
      throw new IllegalArgumentException("threads is " + threads + ", expected 0 or more");
    }
  }
}
