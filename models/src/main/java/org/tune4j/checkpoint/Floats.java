package org.tune4j.checkpoint;

import java.nio.ByteBuffer;

/** Elements of 16 bits and fp32, into each other; rounded to the nearest, ties to even. */
final class Floats {
  private Floats() {}

  static float ofBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return Float.isNaN(value)
        ? (short) (bits >>> 16 | 0x40)
        : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }

  static float ofHalf(short half) {
    int exponent = half >> 10 & 0x1f;
    int fraction = half & 0x3ff;
    float magnitude =
        exponent == 0x1f
            ? fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN
            : exponent == 0
                ? fraction * 0x1p-24f
                : Float.intBitsToFloat((exponent + 112) << 23 | fraction << 13);
    return half < 0 ? -magnitude : magnitude;
  }

  /** 8 bits: 4 of exponent, 3 of fraction, no infinities. */
  static float ofE4m3(byte bits) {
    int exponent = bits >> 3 & 0xf;
    int fraction = bits & 7;
    float magnitude =
        (bits & 0x7f) == 0x7f
            ? Float.NaN
            : exponent == 0
                ? fraction * 0x1p-9f
                : Float.intBitsToFloat((exponent + 120) << 23 | fraction << 20);
    return bits < 0 ? -magnitude : magnitude;
  }

  static short toHalf(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7e00);
    }
    if (magnitude >= 65520) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x1p-14f) {
      return (short) (sign | (int) Math.rint(magnitude * 0x1p24));
    }
    int bits = Float.floatToRawIntBits(magnitude) - (112 << 23);
    return (short) (sign | ((bits + 0xfff + (bits >>> 13 & 1)) >>> 13));
  }

  /** The next elements of a type, as many as fit. */
  static void read(ByteBuffer elements, SafetensorsType type, float[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] =
          switch (type) {
            case F64 -> (float) elements.getDouble();
            case F16 -> ofHalf(elements.getShort());
            case BF16 -> ofBfloat16(elements.getShort());
            default -> elements.getFloat();
          };
    }
  }

  static void write(float[] values, SafetensorsType type, ByteBuffer elements) {
    for (float value : values) {
      switch (type) {
        case F16 -> elements.putShort(toHalf(value));
        case BF16 -> elements.putShort(toBfloat16(value));
        default -> elements.putFloat(value);
      }
    }
  }
}
