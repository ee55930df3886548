package org.tune4j.optim;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/**
 * Numbers in 8 bits: each block of 256 is divided by its largest magnitude, and each quotient is
 * the number of the nearest of 256 values (Dettmers 2015 and 2021, as bitsandbytes has them). One
 * thread at a time uses it.
 */
final class BlockwiseCodes {
  static final int BLOCK = 256;

  /** Numbers that are coded at once. */
  static final int MOST = 1 << 18;

  private static final int EXPONENTS = 7;
  private static final int LAST = 255;

  private final float[] values;

  /** Halfway between a value and the next. */
  private final float[] bounds = new float[LAST];

  /** The code of the least float with these upper 16 bits, where a search begins. */
  private final byte[] begin = new byte[1 << Short.SIZE];

  // Direct buffers stay until a collection, so these serve every call.
  private final ByteBuffer codeBytes = buffer(MOST);
  private final ByteBuffer numberBytes = buffer(MOST * Float.BYTES);
  private final ByteBuffer scaleBytes = buffer(MOST / BLOCK * Float.BYTES);

  private BlockwiseCodes(float[] values) {
    this.values = values;
    for (int i = 0; i < LAST; i++) {
      bounds[i] = (values[i] + values[i + 1]) / 2;
    }
    for (int upper = 0; upper < begin.length; upper++) {
      boolean negative = upper >= begin.length / 2;
      float least =
          Float.intBitsToFloat(negative ? upper << Short.SIZE | 0xffff : upper << Short.SIZE);
      begin[upper] = (byte) search(least, 0);
    }
  }

  /**
   * bitsandbytes' dynamic map: in each power of ten from 1e-7, the middles of twice as many equal
   * stretches as in the one before it; 0 and 1 besides.
   *
   * @param signed whether there are as many values below 0
   */
  static BlockwiseCodes dynamic(boolean signed) {
    float[] values = new float[LAST + 1];
    int n = 0;
    for (int i = 0; i < EXPONENTS; i++) {
      int stretches = signed ? 1 << i : 2 << i;
      double power = Math.pow(10, i - EXPONENTS + 1.0);
      for (int k = 0; k < stretches; k++) {
        float value = (float) (power * (0.1 + 0.9 * (k + 0.5) / stretches));
        values[n++] = value;
        if (signed) {
          values[n++] = -value;
        }
      }
    }
    values[n++] = 0;
    values[n] = 1;
    Arrays.sort(values);
    return new BlockwiseCodes(values);
  }

  /** The code of the nearest value, from a code that is not above it. */
  private int search(float x, int from) {
    int code = from;
    while (code < LAST && x > bounds[code]) {
      code++;
    }
    return code;
  }

  /** How many blocks so many numbers have. */
  static int blocks(long numbers) {
    return Math.toIntExact((numbers + BLOCK - 1) / BLOCK);
  }

  /**
   * {@return the numbers, fp32 in the shape of {@code codes}}
   *
   * @param codes uint8
   * @param largest magnitude of each block, fp32 {@code [blocks]}
   */
  Tensor decode(Tensor codes, Tensor largest) {
    int n = Math.toIntExact(codes.shape().elements());
    ByteBuffer from = of(codeBytes, n);
    ByteBuffer scales = of(scaleBytes, blocks(n) * Float.BYTES);
    ByteBuffer to = of(numberBytes, n * Float.BYTES);
    codes.read(from);
    largest.read(scales);
    forEachBlock(
        n,
        (block, start, end) -> {
          float scale = scales.getFloat(block * Float.BYTES);
          for (int i = start; i < end; i++) {
            to.putFloat(i * Float.BYTES, values[from.get(i) & LAST] * scale);
          }
        });
    return codes.engine().tensor(to, DType.FP32, codes.shape());
  }

  /**
   * Overwrites codes and scales with those of some numbers.
   *
   * @param numbers fp32
   * @param codes uint8, of the same shape
   * @param largest fp32 {@code [blocks]}
   */
  void encode(Tensor numbers, Tensor codes, Tensor largest) {
    int n = Math.toIntExact(codes.shape().elements());
    ByteBuffer from = of(numberBytes, n * Float.BYTES);
    ByteBuffer scales = of(scaleBytes, blocks(n) * Float.BYTES);
    ByteBuffer to = of(codeBytes, n);
    numbers.read(from);
    forEachBlock(
        n,
        (block, start, end) -> {
          float most = 0;
          for (int i = start; i < end; i++) {
            most = Math.max(most, Math.abs(from.getFloat(i * Float.BYTES)));
          }
          scales.putFloat(block * Float.BYTES, most);
          for (int i = start; i < end; i++) {
            float x = most == 0 ? 0 : from.getFloat(i * Float.BYTES) / most;
            int first = begin[Float.floatToRawIntBits(x) >>> Short.SIZE] & LAST;
            to.put(i, (byte) search(x, first));
          }
        });
    codes.copyFrom(codes.engine().tensor(to, DType.UINT8, codes.shape()));
    largest.copyFrom(largest.engine().tensor(scales, DType.FP32, largest.shape()));
  }

  private static ByteBuffer of(ByteBuffer buffer, int bytes) {
    return buffer.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocateDirect(bytes);
  }

  private interface Block {
    void visit(int block, int start, int end);
  }

  private static void forEachBlock(int numbers, Block work) {
    IntStream.range(0, blocks(numbers))
        .parallel()
        .forEach(b -> work.visit(b, b * BLOCK, Math.min(numbers, (b + 1) * BLOCK)));
  }
}
