package org.tune4j.tensor;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.UsageException;

/**
 * Where a tensor lies: {@code cpu}, or the CUDA device of an index.
 *
 * @param type {@code cpu} or {@code cuda}
 * @param index 0 for the first; always 0 for the CPU
 */
public record Device(Type type, int index) {
  /** Kinds of device. */
  public enum Type {
    /** The host's processor. */
    CPU,
    /** An NVIDIA GPU. */
    CUDA
  }

  /** The host's processor and memory. */
  public static final Device CPU = new Device(Type.CPU, 0);

  private static final Pattern CUDA = Pattern.compile("(?:cuda|gpu)(?::(\\d{1,4}))?");

  /**
   * Checks the index.
   *
   * @throws IllegalArgumentException when there can be no such device
   */
  public Device {
    if (index < 0 || (type == Type.CPU && index != 0)) {
      throw new IllegalArgumentException("no device " + type + ":" + index);
    }
  }

  /**
   * {@return the device that a text names}
   *
   * @param text {@code cpu}, {@code cuda} or {@code cuda:1}; {@code gpu} means {@code cuda}
   * @throws UsageException when the text names no device
   */
  public static Device parse(String text) {
    if (text.equals("cpu")) {
      return CPU;
    }
    Matcher m = CUDA.matcher(text);
    if (!m.matches()) {
      throw new UsageException(
          "device '%s' is not known; accepted are cpu, cuda and cuda:INDEX".formatted(text));
    }
    return new Device(Type.CUDA, m.group(1) == null ? 0 : Integer.parseInt(m.group(1)));
  }

  @Override
  public String toString() {
    return type == Type.CPU ? "cpu" : "cuda:" + index;
  }
}
