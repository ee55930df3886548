package org.tune4j.checkpoint;

import java.nio.ByteBuffer;

/**
 * Blocks of quantised elements, widened to fp32. Source: {@code ggml-quants.c} of llama.cpp; the
 * order of the operations is that of its {@code gguf} package, so that both give the same bits.
 */
final class GgufBlocks {
  private static final byte[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** Twice the numbers of OCP's E2M1. */
  private static final byte[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private GgufBlocks() {}

  static void q40(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    for (int i = 0; i < 32; i++) {
      out[i] = d * (nibble(b, at + 2, i) - 8);
    }
  }

  static void q41(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    float m = half(b, at + 2);
    for (int i = 0; i < 32; i++) {
      out[i] = d * nibble(b, at + 4, i) + m;
    }
  }

  static void q50(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    for (int i = 0; i < 32; i++) {
      out[i] = d * ((nibble(b, at + 6, i) | bits(b, at + 2 + i / 8, i % 8, 1) << 4) - 16);
    }
  }

  static void q51(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    float m = half(b, at + 2);
    for (int i = 0; i < 32; i++) {
      out[i] = d * (nibble(b, at + 8, i) | bits(b, at + 4 + i / 8, i % 8, 1) << 4) + m;
    }
  }

  static void q80(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    for (int i = 0; i < 32; i++) {
      out[i] = b.get(at + 2 + i) * d;
    }
  }

  static void q2k(ByteBuffer b, int at, float[] out) {
    float d = half(b, at + 80);
    float min = half(b, at + 82);
    for (int i = 0; i < 256; i++) {
      int scale = b.get(at + i / 16) & 0xff;
      out[i] = d * (scale & 15) * two(b, at + 16, i) - min * (scale >> 4);
    }
  }

  static void q3k(ByteBuffer b, int at, float[] out) {
    float d = half(b, at + 108);
    for (int i = 0; i < 256; i++) {
      int group = i / 16;
      int low = bits(b, at + 96 + group % 8, group / 8 * 4, 15);
      int high = bits(b, at + 104 + group % 4, group / 4 * 2, 3);
      float scale = d * ((low | high << 4) - 32);
      // The bit is set where nothing is subtracted.
      int offset = (bits(b, at + i % 32, i / 32, 1) ^ 1) << 2;
      out[i] = scale * (two(b, at + 32, i) - offset);
    }
  }

  static void q4k(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    float min = half(b, at + 2);
    for (int i = 0; i < 256; i++) {
      int sub = i / 32;
      int q = bits(b, at + 16 + sub / 2 * 32 + i % 32, sub % 2 * 4, 15);
      out[i] = d * scale(b, at + 4, sub) * q - min * minimum(b, at + 4, sub);
    }
  }

  static void q5k(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    float min = half(b, at + 2);
    for (int i = 0; i < 256; i++) {
      int sub = i / 32;
      int low = bits(b, at + 48 + sub / 2 * 32 + i % 32, sub % 2 * 4, 15);
      int q = low | bits(b, at + 16 + i % 32, sub, 1) << 4;
      out[i] = d * scale(b, at + 4, sub) * q - min * minimum(b, at + 4, sub);
    }
  }

  static void q6k(ByteBuffer b, int at, float[] out) {
    float d = half(b, at + 208);
    for (int i = 0; i < 256; i++) {
      int half = i / 128;
      int low = bits(b, at + half * 64 + i % 64, i % 128 / 64 * 4, 15);
      int high = bits(b, at + 128 + half * 32 + i % 32, i % 128 / 32 * 2, 3);
      out[i] = d * b.get(at + 192 + i / 16) * ((low | high << 4) - 32);
    }
  }

  static void iq4nl(ByteBuffer b, int at, float[] out) {
    float d = half(b, at);
    for (int i = 0; i < 32; i++) {
      out[i] = d * IQ4[nibble(b, at + 2, i)];
    }
  }

  static void mxfp4(ByteBuffer b, int at, float[] out) {
    int exponent = b.get(at) & 0xff;
    float d = Float.intBitsToFloat(exponent < 2 ? 0x00200000 << exponent : (exponent - 1) << 23);
    for (int i = 0; i < 32; i++) {
      out[i] = d * E2M1[nibble(b, at + 1, i)];
    }
  }

  /** Of the 8 scales of 6 bits that Q4_K and Q5_K pack with 8 minimums into 12 bytes. */
  private static int scale(ByteBuffer b, int at, int i) {
    return i < 4
        ? bits(b, at + i, 0, 63)
        : bits(b, at + 4 + i, 0, 15) | bits(b, at + i - 4, 6, 3) << 4;
  }

  private static int minimum(ByteBuffer b, int at, int i) {
    return i < 4
        ? bits(b, at + 4 + i, 0, 63)
        : bits(b, at + 4 + i, 4, 15) | bits(b, at + i, 6, 3) << 4;
  }

  private static float half(ByteBuffer b, int at) {
    return Floats.ofHalf(b.getShort(at));
  }

  /** The low halves of 16 bytes, then the high ones. */
  private static int nibble(ByteBuffer b, int at, int i) {
    return bits(b, at + i % 16, i / 16 * 4, 15);
  }

  /** Two bits: of every 128 elements the lowest bits of 32 bytes, then the next ones. */
  private static int two(ByteBuffer b, int at, int i) {
    return bits(b, at + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 3);
  }

  private static int bits(ByteBuffer b, int at, int shift, int mask) {
    return b.get(at) >> shift & mask;
  }
}
