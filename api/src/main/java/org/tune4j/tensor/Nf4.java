package org.tune4j.tensor;

import java.util.Arrays;

/**
 * The numbers of NF4 (Dettmers et al. 2023, appendix E): an element is a value of 4 bits times its
 * block's factor, the largest magnitude there. The factors, without their mean, are again values of
 * 8 bits times a factor for each {@link #GROUP}. Values and layout are those of bitsandbytes.
 */
public final class Nf4 {
  /** Elements of a block, which share a factor. */
  public static final int BLOCK = 64;

  /** Blocks of a group, whose factors share one. */
  public static final int GROUP = 256;

  private static final float[] VALUES = {
    -1,
    -0.6961928f,
    -0.52507305f,
    -0.3949175f,
    -0.28444138f,
    -0.18477343f,
    -0.091050036f,
    0,
    0.0795803f,
    0.1609302f,
    0.2461123f,
    0.33791524f,
    0.44070983f,
    0.562617f,
    0.72295684f,
    1
  };

  private Nf4() {}

  /** {@return the 16 values of an element, ascending; a copy} */
  public static float[] values() {
    return VALUES.clone();
  }

  /** {@return the two elements that each byte stands for} */
  public static float[] pairs() {
    float[] pairs = new float[2 << Byte.SIZE];
    for (int i = 0; i < pairs.length / 2; i++) {
      pairs[2 * i] = VALUES[i >> 4];
      pairs[2 * i + 1] = VALUES[i & 15];
    }
    return pairs;
  }

  /**
   * {@return the four elements that each two bytes stand for, by the bytes as a signed number, from
   * the least on}
   */
  public static float[] quads() {
    float[] quads = new float[4 << Short.SIZE];
    for (int i = 0; i < quads.length / 4; i++) {
      int bits = i + Short.MIN_VALUE;
      quads[4 * i] = VALUES[bits >> 4 & 15];
      quads[4 * i + 1] = VALUES[bits & 15];
      quads[4 * i + 2] = VALUES[bits >> 12 & 15];
      quads[4 * i + 3] = VALUES[bits >> 8 & 15];
    }
    return quads;
  }

  /**
   * {@return the 256 values of a block's factor, ascending; a copy} Source: {@code
   * create_dynamic_map} of bitsandbytes: fractions whose number doubles with their exponent.
   */
  public static float[] factors() {
    float[] all = new float[GROUP];
    int n = 0;
    for (int i = 0; i < 7; i++) {
      int steps = 1 << i;
      float scale = (float) Math.pow(10, i - 6.0);
      for (int k = 0; k < steps; k++) {
        float mean = (boundary(k, steps) + boundary(k + 1, steps)) / 2;
        all[n++] = scale * mean;
        all[n++] = -scale * mean;
      }
    }
    all[n++] = 0;
    all[n] = 1;
    Arrays.sort(all);
    return all;
  }

  /** As torch.linspace has it in fp32: from the nearer end, rounded once. */
  private static float boundary(int k, int steps) {
    double step = (1 - 0.1f) / steps;
    return (float) (k < (steps + 1) / 2 ? 0.1f + step * k : 1 - step * (steps - k));
  }

  /**
   * {@return the blocks of so many elements}
   *
   * @param elements of a tensor
   */
  public static long blocks(long elements) {
    return (elements + BLOCK - 1) / BLOCK;
  }

  /**
   * {@return the groups of so many blocks}
   *
   * @param blocks of a tensor
   */
  public static long groups(long blocks) {
    return (blocks + GROUP - 1) / GROUP;
  }
}
