package org.tune4j.checkpoint;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.RandomBits;

/**
 * A table that no file has, in fp32: normally distributed numbers around 0, as transformers begins
 * a new head with, but each a function of seed and position.
 *
 * @param seed one table each
 * @param deviation of the numbers
 */
record DrawnRows(long seed, double deviation) implements Layout {
  /** A table {@code [rows, dim]}. */
  static Weight of(String name, long rows, long dim, Weight beside, DrawnRows layout) {
    long length = rows * dim * SafetensorsType.F32.bytes();
    return new Weight(
        beside.file(), new Entry(name, SafetensorsType.F32, List.of(rows, dim), 0, length, layout));
  }

  @Override
  public void read(FileChannel file, Entry entry, long at, ByteBuffer target) {
    for (long i = at; target.hasRemaining(); i++) {
      int bits = Float.floatToRawIntBits(value(i / Float.BYTES));
      target.put((byte) (bits >> (int) (i % Float.BYTES * Byte.SIZE)));
    }
  }

  /** Box and Muller's. */
  private float value(long position) {
    double radius = Math.sqrt(-2 * Math.log(1 - RandomBits.uniform(seed, 2 * position)));
    double angle = 2 * Math.PI * RandomBits.uniform(seed, 2 * position + 1);
    return (float) (deviation * radius * Math.cos(angle));
  }
}
