package org.tune4j.checkpoint;

import java.io.IOException;
import java.util.Arrays;
import org.tune4j.tensor.Nf4;

/**
 * Takes a matrix' elements in row-major order and gives NF4's parts, as bitsandbytes' {@code
 * quantize_4bit} with {@code compress_statistics} does. Used by one thread, for one matrix.
 */
final class Nf4Quantiser {
  /** Buckets of a block's elements, so narrow that each has one boundary at most. */
  private static final int BUCKETS = 256;

  private static final float[] VALUES = Nf4.values();
  private static final float[] FACTORS = Nf4.factors();

  /** The value at the beginning of each bucket. */
  private static final byte[] FIRST = first();

  private final byte[] codes;
  private final float[] factors;
  private final float[] block = new float[Nf4.BLOCK];
  private int inBlock;
  private int blocks;

  /** Of so many elements, an even number. */
  Nf4Quantiser(long elements) {
    codes = new byte[Math.toIntExact(elements / 2)];
    factors = new float[Math.toIntExact(Nf4.blocks(elements))];
  }

  private static byte[] first() {
    byte[] first = new byte[BUCKETS + 1];
    for (int i = 0, code = 0; i <= BUCKETS; i++) {
      float begin = 2f * i / BUCKETS - 1;
      while (code + 1 < VALUES.length && 2 * begin > VALUES[code] + VALUES[code + 1]) {
        code++;
      }
      first[i] = (byte) code;
    }
    return first;
  }

  /**
   * The parts.
   *
   * @param codes of the elements, two a byte
   * @param factors codes of the blocks' factors
   * @param groups what the factors of a group are multiplied by
   * @param offset what is added to them
   */
  @SuppressWarnings("ArrayRecordComponent") // written to a file, never compared
  record Parts(byte[] codes, byte[] factors, float[] groups, float offset) {}

  /** Takes the next elements. */
  void add(float[] elements) {
    for (int at = 0; at < elements.length; ) {
      int n = Math.min(Nf4.BLOCK - inBlock, elements.length - at);
      System.arraycopy(elements, at, block, inBlock, n);
      at += n;
      inBlock += n;
      if (inBlock == Nf4.BLOCK) {
        flush();
      }
    }
  }

  private void flush() {
    float largest = 0;
    for (int i = 0; i < inBlock; i++) {
      largest = Math.max(largest, Math.abs(block[i]));
    }
    factors[blocks] = largest;
    float unit = largest == 0 ? 1 : largest;
    int at = blocks * (Nf4.BLOCK / 2);
    for (int i = 0; i < inBlock; i += 2) {
      codes[at++] = (byte) (code(block[i] / unit) << 4 | code(block[i + 1] / unit));
    }
    blocks++;
    inBlock = 0;
  }

  /** The nearest value's number; the lower one's halfway. */
  private static int code(float element) {
    float x = Math.min(1, Math.max(-1, element));
    int code = FIRST[(int) ((x + 1) * (BUCKETS / 2f))];
    return next(VALUES, x, code);
  }

  /** The value after this one where it is nearer, by the distances as fp32 has them. */
  private static int next(float[] values, float x, int code) {
    boolean nearer =
        code + 1 < values.length && Math.abs(x - values[code + 1]) < Math.abs(x - values[code]);
    return nearer ? code + 1 : code;
  }

  /** The parts, once all elements are there. */
  Parts parts() throws IOException {
    if (inBlock > 0) {
      flush();
    }
    double sum = 0;
    for (float f : factors) {
      sum += f;
    }
    if (!Double.isFinite(sum)) {
      throw new IOException("it has elements that are not finite");
    }
    float offset = (float) (sum / factors.length);
    byte[] own = new byte[factors.length];
    float[] groups = new float[Math.toIntExact(Nf4.groups(factors.length))];
    for (int g = 0; g < groups.length; g++) {
      int from = g * Nf4.GROUP;
      int to = Math.min(factors.length, from + Nf4.GROUP);
      for (int i = from; i < to; i++) {
        groups[g] = Math.max(groups[g], Math.abs(factors[i] - offset));
      }
      float unit = groups[g] == 0 ? 1 : groups[g];
      for (int i = from; i < to; i++) {
        own[i] = (byte) nearest((factors[i] - offset) / unit);
      }
    }
    return new Parts(codes, own, groups, offset);
  }

  private static int nearest(float factor) {
    int at = Arrays.binarySearch(FACTORS, factor);
    return at >= 0 ? at : next(FACTORS, factor, Math.max(0, -at - 2));
  }
}
