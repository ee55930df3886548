package org.tune4j.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * A file of little-endian 32-bit numbers, mapped into memory; larger ones in segments. The mapping
 * goes with the object, and outlives the file.
 */
final class MappedInts {
  /** Numbers of a segment by default: a GiB. */
  static final int SEGMENT_BITS = 28;

  private final IntBuffer[] segments;
  private final int bits;
  private final long size;
  private final long crc;

  private MappedInts(IntBuffer[] segments, int bits, long size, long crc) {
    this.segments = segments;
    this.bits = bits;
    this.size = size;
    this.crc = crc;
  }

  /**
   * Maps a file and reads it once for its checksum.
   *
   * @param bits a segment has 2^bits numbers
   */
  static MappedInts open(Path file, int bits) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long bytes = channel.size();
      long segment = (long) Integer.BYTES << bits;
      IntBuffer[] segments = new IntBuffer[Math.toIntExact((bytes + segment - 1) / segment)];
      CRC32C crc = new CRC32C();
      for (int i = 0; i < segments.length; i++) {
        ByteBuffer mapped =
            channel.map(
                FileChannel.MapMode.READ_ONLY, i * segment, Math.min(segment, bytes - i * segment));
        crc.update(mapped);
        segments[i] = mapped.rewind().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
      }
      return new MappedInts(segments, bits, bytes / Integer.BYTES, crc.getValue());
    }
  }

  long size() {
    return size;
  }

  /** CRC-32C of the file when it was opened. */
  long crc() {
    return crc;
  }

  int get(long at) {
    return segments[(int) (at >>> bits)].get((int) (at & ((1 << bits) - 1)));
  }

  /** Fills {@code out} with the numbers from {@code at} on. */
  void get(long at, int[] out) {
    int done = 0;
    while (done < out.length) {
      int within = (int) ((at + done) & ((1 << bits) - 1));
      int n = Math.min(out.length - done, (1 << bits) - within);
      segments[(int) ((at + done) >>> bits)].get(within, out, done, n);
      done += n;
    }
  }
}
