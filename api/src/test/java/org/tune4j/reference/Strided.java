package org.tune4j.reference;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;

/**
 * Elements in memory, seen through sizes and strides. Views share the storage; nothing but the
 * storage's elements ever changes.
 */
final class Strided {
  /**
   * Floating elements lie in {@code doubles}, others in {@code longs}; the other array is empty.
   */
  static final class Storage {
    final double[] doubles;
    final long[] longs;

    /** How many handles see it. */
    final AtomicInteger handles = new AtomicInteger();

    Storage(double[] doubles, long[] longs) {
      this.doubles = doubles;
      this.longs = longs;
    }

    long bytes() {
      return 8L * (doubles.length + longs.length);
    }
  }

  final DType dtype;
  final Storage storage;
  final int[] sizes;
  final int[] strides;
  final int offset;

  private Strided(DType dtype, Storage storage, int[] sizes, int[] strides, int offset) {
    this.dtype = dtype;
    this.storage = storage;
    this.sizes = sizes;
    this.strides = strides;
    this.offset = offset;
  }

  /** Row-major values, rounded to {@code dtype} in place and kept. */
  static Strided of(DType dtype, int[] sizes, double[] values) {
    if (dtype == DType.FP32) {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) values[i];
      }
    }
    return new Strided(dtype, new Storage(values, new long[0]), sizes, rowMajor(sizes), 0);
  }

  /** Row-major values, kept. */
  static Strided of(DType dtype, int[] sizes, long[] values) {
    return new Strided(dtype, new Storage(new double[0], values), sizes, rowMajor(sizes), 0);
  }

  static Strided zeros(DType dtype, int[] sizes) {
    int n = count(sizes);
    return dtype.isFloating() ? of(dtype, sizes, new double[n]) : of(dtype, sizes, new long[n]);
  }

  static int[] sizes(Shape shape) {
    return Arrays.stream(shape.toArray()).mapToInt(Math::toIntExact).toArray();
  }

  static int count(int[] sizes) {
    int n = 1;
    for (int s : sizes) {
      n = Math.multiplyExact(n, s);
    }
    return n;
  }

  private static int[] rowMajor(int[] sizes) {
    int[] strides = new int[sizes.length];
    int stride = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      strides[d] = stride;
      stride *= sizes[d];
    }
    return strides;
  }

  int count() {
    return count(sizes);
  }

  boolean isContiguous() {
    int stride = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      if (sizes[d] != 1 && strides[d] != stride) {
        return false;
      }
      stride *= sizes[d];
    }
    return true;
  }

  /** Where each element lies in the storage, in row-major order. */
  int[] positions() {
    int[] out = new int[count()];
    int[] index = new int[sizes.length];
    int at = offset;
    for (int i = 0; i < out.length; i++) {
      out[i] = at;
      for (int d = sizes.length - 1; d >= 0; d--) {
        at += strides[d];
        if (++index[d] < sizes[d]) {
          break;
        }
        at -= strides[d] * sizes[d];
        index[d] = 0;
      }
    }
    return out;
  }

  /**
   * Floating elements in row-major order: the storage's own array where it fits, so only to read.
   */
  double[] doubles() {
    if (isContiguous()) {
      int n = count();
      return offset == 0 && n == storage.doubles.length
          ? storage.doubles
          : Arrays.copyOfRange(storage.doubles, offset, offset + n);
    }
    int[] positions = positions();
    double[] out = new double[positions.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = storage.doubles[positions[i]];
    }
    return out;
  }

  /** Integer elements in row-major order, a copy. */
  long[] longs() {
    return Arrays.stream(positions()).mapToLong(p -> storage.longs[p]).toArray();
  }

  /** Overwrites the elements, through views. */
  void fill(Strided source) {
    int[] to = positions();
    if (dtype.isFloating()) {
      double[] from = source.doubles().clone();
      for (int i = 0; i < to.length; i++) {
        storage.doubles[to[i]] = from[i];
      }
    } else {
      long[] from = source.longs();
      for (int i = 0; i < to.length; i++) {
        storage.longs[to[i]] = from[i];
      }
    }
  }

  // Views

  private Strided view(int[] sizes, int[] strides, int offset) {
    return new Strided(dtype, storage, sizes, strides, offset);
  }

  Strided reshape(int[] target) {
    Strided base = isContiguous() ? this : copy();
    return base.view(target, rowMajor(target), base.offset);
  }

  Strided transpose(int a, int b) {
    int[] z = sizes.clone();
    int[] t = strides.clone();
    z[a] = sizes[b];
    z[b] = sizes[a];
    t[a] = strides[b];
    t[b] = strides[a];
    return view(z, t, offset);
  }

  Strided narrow(int dim, int start, int length) {
    int[] z = sizes.clone();
    z[dim] = length;
    return view(z, strides, offset + start * strides[dim]);
  }

  /** Repeats sizes of 1, and new outer dimensions. */
  Strided expand(int[] target) {
    int[] t = new int[target.length];
    int outer = target.length - sizes.length;
    for (int d = outer; d < target.length; d++) {
      t[d] = sizes[d - outer] == target[d] ? strides[d - outer] : 0;
    }
    return view(target, t, offset);
  }

  /** Another storage with the same elements in row-major order. */
  Strided copy() {
    return dtype.isFloating() ? of(dtype, sizes, doubles().clone()) : of(dtype, sizes, longs());
  }
}
