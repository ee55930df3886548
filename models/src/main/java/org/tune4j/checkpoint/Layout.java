package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** How a tensor's elements come from a file. */
@FunctionalInterface
public interface Layout {
  /** The file holds the elements as they are: row-major, contiguous, little-endian. */
  Layout PLAIN = (file, entry, at, target) -> RegularFile.fill(file, entry.offset() + at, target);

  /**
   * Reads some of the elements' bytes.
   *
   * @param file that holds the tensor
   * @param entry of the tensor
   * @param at of the first byte, counted from that of the first element
   * @param target is filled from its position to its limit
   * @throws IOException when the file cannot be read, or ends too early
   */
  void read(FileChannel file, Entry entry, long at, ByteBuffer target) throws IOException;
}
