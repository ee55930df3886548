package org.tune4j.reference;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.tune4j.spi.Backend.Binary;
import org.tune4j.spi.Backend.Unary;
import org.tune4j.tensor.DType;

/** The arithmetic of the primitives. Sums run in fp64; every result is rounded to its type once. */
final class Maths {
  private Maths() {}

  static Strided map(Strided x, DoubleUnaryOperator f) {
    double[] in = x.doubles();
    double[] out = new double[in.length];
    for (int i = 0; i < in.length; i++) {
      out[i] = f.applyAsDouble(in[i]);
    }
    return Strided.of(x.dtype, x.sizes, out);
  }

  static Strided unary(Unary op, Strided x) {
    return switch (op) {
      case NEG -> map(x, v -> -v);
      case EXP -> map(x, Math::exp);
      case LOG -> map(x, Math::log);
      case SQRT -> map(x, Math::sqrt);
      case SIGMOID -> map(x, v -> 1 / (1 + Math.exp(-v)));
      case TANH -> map(x, Math::tanh);
    };
  }

  static Strided binary(Binary op, Strided x, double s) {
    return switch (op) {
      case ADD -> map(x, v -> v + s);
      case SUB -> map(x, v -> v - s);
      case MUL -> map(x, v -> v * s);
      case DIV -> map(x, v -> v / s);
    };
  }

  static Strided binary(Binary op, Strided x, Strided y) {
    int[] sizes = broadcast(x.sizes, y.sizes);
    double[] a = x.expand(sizes).doubles();
    double[] b = y.expand(sizes).doubles();
    double[] out = new double[a.length];
    for (int i = 0; i < out.length; i++) {
      out[i] =
          switch (op) {
            case ADD -> a[i] + b[i];
            case SUB -> a[i] - b[i];
            case MUL -> a[i] * b[i];
            case DIV -> a[i] / b[i];
          };
    }
    return Strided.of(x.dtype, sizes, out);
  }

  private static int[] broadcast(int[] a, int[] b) {
    int rank = Math.max(a.length, b.length);
    int[] out = new int[rank];
    for (int d = 0; d < rank; d++) {
      int x = d < rank - a.length ? 1 : a[d - rank + a.length];
      int y = d < rank - b.length ? 1 : b[d - rank + b.length];
      out[d] = x == 1 ? y : x;
    }
    return out;
  }

  /** {@code x} with {@code dim} last, as rows: {@code [rows, sizes[dim]]}, row-major. */
  private static double[] rowsAlong(Strided x, int dim) {
    int last = x.sizes.length - 1;
    Strided v = x;
    for (int d = dim; d < last; d++) {
      v = v.transpose(d, d + 1);
    }
    return v.doubles();
  }

  static int[] with(int[] sizes, int dim, int size) {
    int[] out = sizes.clone();
    out[dim] = size;
    return out;
  }

  static Strided sum(Strided x, int dim) {
    double[] rows = rowsAlong(x, dim);
    int n = x.sizes[dim];
    double[] out = new double[Strided.count(with(x.sizes, dim, 1))];
    for (int r = 0; r < out.length; r++) {
      for (int i = 0; i < n; i++) {
        out[r] += rows[r * n + i];
      }
    }
    return Strided.of(x.dtype, with(x.sizes, dim, 1), out);
  }

  /** Which element along {@code dim} is the largest, the first of equals, in row-major order. */
  static int[] argMax(Strided x, int dim) {
    double[] rows = rowsAlong(x, dim);
    int n = x.sizes[dim];
    int[] out = new int[Strided.count(with(x.sizes, dim, 1))];
    for (int r = 0; r < out.length; r++) {
      for (int i = 1; i < n; i++) {
        if (rows[r * n + i] > rows[r * n + out[r]]) {
          out[r] = i;
        }
      }
    }
    return out;
  }

  static Strided max(Strided x, int dim) {
    double[] rows = rowsAlong(x, dim);
    int[] which = argMax(x, dim);
    double[] out = new double[which.length];
    for (int r = 0; r < out.length; r++) {
      out[r] = rows[r * x.sizes[dim] + which[r]];
    }
    return Strided.of(x.dtype, with(x.sizes, dim, 1), out);
  }

  /** {@code [n, k] x [k, m]} or {@code [b, n, k] x [b, k, m]}; the inner loop runs over rows. */
  static Strided matmul(Strided x, Strided y) {
    int rank = x.sizes.length;
    int n = x.sizes[rank - 2];
    int k = x.sizes[rank - 1];
    int m = y.sizes[rank - 1];
    int batch = rank == 3 ? x.sizes[0] : 1;
    double[] a = x.doubles();
    double[] b = y.doubles();
    double[] out = new double[batch * n * m];
    for (int i = 0; i < batch * n; i++) {
      int from = i / n * k * m;
      for (int j = 0; j < k; j++) {
        double v = a[i * k + j];
        for (int c = 0; c < m; c++) {
          out[i * m + c] += v * b[from + j * m + c];
        }
      }
    }
    return Strided.of(x.dtype, with(x.sizes, rank - 1, m), out);
  }

  static Strided indexSelect(Strided x, Strided indices) {
    long[] index = indices.longs();
    Strided out = Strided.zeros(x.dtype, with(x.sizes, 0, index.length));
    for (int i = 0; i < index.length; i++) {
      out.narrow(0, i, 1).fill(x.narrow(0, (int) index[i], 1));
    }
    return out;
  }

  /** The gradient of {@link #indexSelect}: adds rows of {@code g} into zeros of {@code sizes}. */
  static Strided addRows(int[] sizes, Strided g, long[] index) {
    double[] from = g.doubles();
    double[] out = new double[Strided.count(sizes)];
    int row = sizes[0] == 0 ? 0 : out.length / sizes[0];
    for (int i = 0; i < index.length; i++) {
      for (int c = 0; c < row; c++) {
        out[(int) index[i] * row + c] += from[i * row + c];
      }
    }
    return Strided.of(g.dtype, sizes, out);
  }

  static Strided gather(Strided x, Strided indices) {
    double[] in = x.doubles();
    long[] index = indices.longs();
    double[] out = new double[index.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = in[i * x.sizes[1] + (int) index[i]];
    }
    return Strided.of(x.dtype, indices.sizes, out);
  }

  /** Zeros of {@code sizes} with {@code g[r]} at position {@code which[r]} along {@code dim}. */
  static Strided scatter(int[] sizes, int dim, Strided g, int[] which) {
    Strided out = Strided.zeros(g.dtype, sizes);
    int[] base = out.narrow(dim, 0, 1).positions();
    double[] from = g.doubles();
    for (int r = 0; r < base.length; r++) {
      out.storage.doubles[base[r] + which[r] * out.strides[dim]] = from[r];
    }
    return out;
  }

  /** Sums what broadcasting repeated, down to {@code sizes}. */
  static Strided sumTo(Strided g, int[] sizes) {
    Strided out = g;
    int outer = g.sizes.length - sizes.length;
    for (int d = 0; d < g.sizes.length; d++) {
      if (d < outer || (sizes[d - outer] == 1 && g.sizes[d] != 1)) {
        out = sum(out, d);
      }
    }
    return out.reshape(sizes);
  }

  static Strided cast(Strided x, DType to) {
    if (to.isFloating()) {
      double[] values =
          x.dtype.isFloating()
              ? x.doubles().clone()
              : Arrays.stream(x.longs()).asDoubleStream().toArray();
      return Strided.of(to, x.sizes, values);
    }
    long[] values =
        x.dtype.isFloating()
            ? Arrays.stream(x.doubles()).mapToLong(v -> (long) v).toArray()
            : x.longs();
    return Strided.of(
        to,
        x.sizes,
        to == DType.UINT8 ? Arrays.stream(values).map(v -> v & 0xff).toArray() : values);
  }

  static Strided cat(List<Strided> parts, int dim) {
    int n = parts.stream().mapToInt(p -> p.sizes[dim]).sum();
    Strided out = Strided.zeros(parts.get(0).dtype, with(parts.get(0).sizes, dim, n));
    int at = 0;
    for (Strided p : parts) {
      out.narrow(dim, at, p.sizes[dim]).fill(p);
      at += p.sizes[dim];
    }
    return out;
  }
}
