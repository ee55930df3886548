package org.tune4j.checkpoint;

import java.io.IOException;
import java.util.Arrays;
import org.tune4j.tensor.Nf4;

/**
 * Takes a matrix' elements in row-major order and gives NF4's parts, as bitsandbytes' {@code
 * quantize_4bit} with {@code compress_statistics} does on a CPU. Used by one thread, for one
 * matrix.
 */
final class Nf4Quantiser {
  /** Buckets of a block's elements, so narrow that each has one boundary at most. */
  private static final int BUCKETS = 256;

  /** Of [-1, 1]: bitsandbytes rounds a block's factor to one of these before it takes a value. */
  private static final int STEPS = 65535;

  private static final float[] BOUNDARIES = boundaries(Nf4.values());
  private static final float[] FACTOR_BOUNDARIES = boundaries(Nf4.factors());

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

  /** What lies halfway between values belongs to the lower one. */
  private static float[] boundaries(float[] values) {
    float[] all = new float[values.length - 1];
    for (int i = 0; i < all.length; i++) {
      all[i] = (values[i] + values[i + 1]) / 2;
    }
    return all;
  }

  private static int nearest(float[] boundaries, float x) {
    int at = Arrays.binarySearch(boundaries, x);
    return at < 0 ? -at - 1 : at;
  }

  private static byte[] first() {
    byte[] first = new byte[BUCKETS + 1];
    for (int i = 0; i <= BUCKETS; i++) {
      first[i] = (byte) nearest(BOUNDARIES, 2f * i / BUCKETS - 1);
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
    float inverse = largest == 0 ? 1 : 1 / largest;
    int at = blocks * (Nf4.BLOCK / 2);
    for (int i = 0; i < inBlock; i += 2) {
      codes[at++] = (byte) (code(block[i] * inverse) << 4 | code(block[i + 1] * inverse));
    }
    blocks++;
    inBlock = 0;
  }

  private static int code(float element) {
    float x = Math.min(1, Math.max(-1, element));
    int code = FIRST[(int) ((x + 1) * (BUCKETS / 2f))];
    return code < BOUNDARIES.length && x > BOUNDARIES[code] ? code + 1 : code;
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
      float inverse = groups[g] == 0 ? 1 : 1 / groups[g];
      for (int i = from; i < to; i++) {
        own[i] = (byte) factor((factors[i] - offset) * inverse);
      }
    }
    return new Parts(codes, own, groups, offset);
  }

  private static int factor(float element) {
    float x = Math.min(1, Math.max(-1, element));
    int step = (int) ((x + 1) / 2 * STEPS + 0.5f);
    return nearest(FACTOR_BOUNDARIES, 2f * step / STEPS - 1);
  }
}
