package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import org.tune4j.UsageException;

/**
 * A tensor to be written to a safetensors file.
 *
 * @param name not empty
 * @param type of its elements
 * @param shape its sizes, each at least 0; none for a scalar
 * @param bytes gives its elements when they are wanted, once for every write
 */
public record StoredTensor(String name, SafetensorsType type, List<Long> shape, Bytes bytes) {
  /** Streams a tensor's elements: row-major, contiguous, little-endian. */
  @FunctionalInterface
  public interface Bytes {
    /**
     * Writes exactly {@link StoredTensor#length} bytes.
     *
     * @param channel takes all that it is given; stays open
     * @throws IOException when it cannot take them, as on a full disk
     */
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  /**
   * Checks name and shape.
   *
   * @throws UsageException if the name is empty or reserved, or the shape negative or overflowing
   */
  public StoredTensor {
    shape = List.copyOf(shape);
    if (name.isEmpty() || name.equals("__metadata__")) {
      throw new UsageException("a tensor cannot be stored under the name " + Texts.quoted(name));
    }
    if (shape.stream().anyMatch(size -> size < 0) || overflows(type, shape)) {
      throw new UsageException(
          "tensor " + Texts.quoted(name) + " cannot be stored with the shape " + shape);
    }
  }

  private static boolean overflows(SafetensorsType type, List<Long> shape) {
    try {
      SafetensorsHeader.byteLength(type, shape);
      return false;
    } catch (ArithmeticException e) {
      return true;
    }
  }

  /**
   * {@return the same under another name}
   *
   * @param other not empty
   */
  public StoredTensor named(String other) {
    return new StoredTensor(other, type, shape, bytes);
  }

  /** {@return how many bytes its elements are} */
  public long length() {
    return SafetensorsHeader.byteLength(type, shape);
  }
}
