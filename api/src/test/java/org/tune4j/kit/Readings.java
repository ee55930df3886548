package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Whether a backend's handle has the type and shape that the API believes it has. */
final class Readings {
  private static final int WIDEST = 8;

  private Readings() {}

  /** Reads {@code x} in its own type, and with its dimensions turned; gives {@code values} both. */
  static void check(String what, Tensor x, double[] values) {
    Conformance.close(what + ", read in its own type", values, raw(what, x), 0);
    int last = x.shape().rank() - 1;
    if (last > 0) {
      Tensor turned = x.detach().transpose(0, last).contiguous().transpose(0, last);
      Conformance.close(what + ", turned", values, turned.toDoubles(), 0);
    }
  }

  /** A backend that holds a wider type writes on into the room behind, where it shows. */
  private static double[] raw(String what, Tensor x) {
    int n = (int) x.shape().elements();
    ByteBuffer room = ByteBuffer.allocateDirect(n * WIDEST).order(ByteOrder.LITTLE_ENDIAN);
    int end = n * x.dtype().bytes();
    x.read(room.slice(0, end));
    for (int i = end; i < room.capacity(); i++) {
      assertEquals(0, room.get(i), what + ": read() wrote beyond " + x.dtype() + " " + x.shape());
    }
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      out[i] = element(room, x.dtype(), i);
    }
    return out;
  }

  private static double element(ByteBuffer b, DType dtype, int i) {
    return switch (dtype) {
      case FP64 -> b.getDouble(8 * i);
      case FP32 -> b.getFloat(4 * i);
      case BF16 -> Float.intBitsToFloat(b.getShort(2 * i) << 16);
      case FP16 -> half(b.getShort(2 * i));
      case INT64 -> b.getLong(8 * i);
      case UINT8 -> b.get(i) & 0xff;
      case NF4, INT8 -> throw new IllegalArgumentException(dtype + " has no elements to read");
    };
  }

  /** IEEE 754 binary16: 1 sign bit, 5 of exponent, 10 of fraction. */
  private static double half(short bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    double size =
        switch (exponent) {
          case 0 -> fraction * 0x1.0p-24;
          case 31 -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
          default -> Math.scalb(1 + fraction * 0x1.0p-10, exponent - 15);
        };
    return bits < 0 ? -size : size;
  }
}
