package org.tune4j.checkpoint;

import java.nio.ByteBuffer;

/**
 * Blocks of fp32, quantised as llama.cpp does without an importance matrix. Source: {@code
 * ggml-quants.c} of llama.cpp.
 */
final class GgufQuantiser {
  private static final int SUB = 32;
  private static final int STEPS = 20;

  private GgufQuantiser() {}

  /**
   * Appends a block's elements in a type.
   *
   * @param x as many as a block has
   */
  static void write(GgufType type, float[] x, ByteBuffer out) {
    switch (type) {
      case Q8_0 -> q80(x, out);
      case Q4_0 -> q40(x, out);
      case Q4_K -> q4k(x, out);
      default -> Floats.write(x, type.elements(), out);
    }
  }

  static boolean writes(GgufType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K -> true;
      default -> false;
    };
  }

  private static float inverse(float d) {
    return d == 0 ? 0 : 1 / d;
  }

  private static void q80(float[] x, ByteBuffer out) {
    float most = 0;
    for (float value : x) {
      most = Math.max(most, Math.abs(value));
    }
    float d = most / 127;
    float inverse = inverse(d);
    out.putShort(Floats.toHalf(d));
    for (float value : x) {
      float scaled = value * inverse;
      // Halves go away from zero, as C's roundf has it.
      float floor = (float) Math.floor(Math.abs(scaled));
      float rounded = Math.abs(scaled) - floor >= 0.5f ? floor + 1 : floor;
      out.put((byte) (scaled < 0 ? -rounded : rounded));
    }
  }

  private static void q40(float[] x, ByteBuffer out) {
    float most = 0;
    for (float value : x) {
      most = Math.abs(value) > Math.abs(most) ? value : most;
    }
    float d = most / -8;
    float inverse = inverse(d);
    out.putShort(Floats.toHalf(d));
    for (int i = 0; i < SUB / 2; i++) {
      int low = Math.min(15, (int) (x[i] * inverse + 8.5f));
      int high = Math.min(15, (int) (x[i + SUB / 2] * inverse + 8.5f));
      out.put((byte) (low | high << 4));
    }
  }

  private static void q4k(float[] x, ByteBuffer out) {
    float[] scales = new float[8];
    float[] minimums = new float[8];
    float mostScale = 0;
    float mostMinimum = 0;
    for (int j = 0; j < 8; j++) {
      fit(x, j * SUB, j, scales, minimums);
      mostScale = Math.max(mostScale, scales[j]);
      mostMinimum = Math.max(mostMinimum, minimums[j]);
    }
    float inverseScale = mostScale > 0 ? 63 / mostScale : 0;
    float inverseMinimum = mostMinimum > 0 ? 63 / mostMinimum : 0;
    short halfScale = Floats.toHalf(mostScale / 63);
    short halfMinimum = Floats.toHalf(mostMinimum / 63);
    byte[] packed = new byte[12];
    int[] q = new int[x.length];
    for (int j = 0; j < 8; j++) {
      int scale = Math.min(63, nearest(inverseScale * scales[j]));
      int minimum = Math.min(63, nearest(inverseMinimum * minimums[j]));
      if (j < 4) {
        packed[j] = (byte) scale;
        packed[j + 4] = (byte) minimum;
      } else {
        packed[j + 4] = (byte) ((scale & 15) | (minimum & 15) << 4);
        packed[j - 4] |= (byte) (scale >> 4 << 6);
        packed[j] |= (byte) (minimum >> 4 << 6);
      }
      float d = Floats.ofHalf(halfScale) * scale;
      float min = Floats.ofHalf(halfMinimum) * minimum;
      for (int i = j * SUB; i < (j + 1) * SUB && d != 0; i++) {
        q[i] = Math.max(0, Math.min(15, nearest((x[i] + min) / d)));
      }
    }
    out.putShort(halfScale).putShort(halfMinimum).put(packed);
    for (int j = 0; j < x.length; j += 2 * SUB) {
      for (int i = j; i < j + SUB; i++) {
        out.put((byte) (q[i] | q[i + SUB] << 4));
      }
    }
  }

  /**
   * Finds scale and minimum of 32 elements in 0 to 15 with the least weighted squared error ({@code
   * make_qkx2_quants}).
   */
  private static void fit(float[] x, int from, int index, float[] scales, float[] minimums) {
    float squares = 0;
    float min = 0;
    float max = x[from];
    for (int i = from; i < from + SUB; i++) {
      squares += x[i] * x[i];
      min = Math.min(min, x[i]);
      max = Math.max(max, x[i]);
    }
    if (max == min) {
      minimums[index] = -min;
      return;
    }
    float average = (float) Math.sqrt(squares / SUB);
    float bestScale = (max - min) / 15;
    float bestMin = min;
    float best = error(x, from, average, 15 / (max - min), min, bestScale, bestMin);
    for (int step = 0; step <= STEPS; step++) {
      float inverse = (-1 + 0.1f * step + 15) / (max - min);
      float w = 0;
      float wx = 0;
      float wl = 0;
      float wll = 0;
      float wxl = 0;
      for (int i = from; i < from + SUB; i++) {
        float weight = average + Math.abs(x[i]);
        int l = level(x[i], inverse, min);
        w += weight;
        wx += weight * x[i];
        wl += weight * l;
        wll += weight * l * l;
        wxl += weight * l * x[i];
      }
      float determinant = w * wll - wl * wl;
      if (determinant <= 0) {
        continue;
      }
      float scale = (w * wxl - wx * wl) / determinant;
      float minimum = (wll * wx - wl * wxl) / determinant;
      if (minimum > 0) {
        minimum = 0;
        scale = wxl / wll;
      }
      float error = error(x, from, average, inverse, min, scale, minimum);
      if (error < best) {
        best = error;
        bestScale = scale;
        bestMin = minimum;
      }
    }
    scales[index] = bestScale;
    minimums[index] = -bestMin;
  }

  private static float error(
      float[] x, int from, float average, float inverse, float min, float scale, float minimum) {
    float sum = 0;
    for (int i = from; i < from + SUB; i++) {
      float difference = scale * level(x[i], inverse, min) + minimum - x[i];
      sum += (average + Math.abs(x[i])) * (difference * difference);
    }
    return sum;
  }

  private static int level(float x, float inverse, float min) {
    return Math.max(0, Math.min(15, nearest(inverse * (x - min))));
  }

  private static int nearest(float value) {
    return (int) Math.rint(value);
  }
}
