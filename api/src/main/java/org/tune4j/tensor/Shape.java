package org.tune4j.tensor;

import java.util.Arrays;

/** The sizes of a tensor's dimensions, outermost first; {@code []} is a scalar. Immutable. */
public final class Shape {
  /** The shape of a scalar. */
  public static final Shape SCALAR = new Shape();

  private final long[] sizes;

  private Shape(long... sizes) {
    this.sizes = sizes;
  }

  /**
   * A shape of these sizes.
   *
   * @throws IllegalArgumentException when a size is negative or the element count overflows
   */
  public static Shape of(long... sizes) {
    long n = 1;
    for (long s : sizes) {
      if (s < 0) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(sizes) + ": a size is negative");
      }
      n = Math.multiplyExact(n, s);
    }
    return new Shape(sizes.clone());
  }

  public int rank() {
    return sizes.length;
  }

  /** The size of dimension {@code dim}; negative counts from the last, {@code -1}. */
  public long size(int dim) {
    return sizes[dim(dim)];
  }

  /** The number of elements. */
  public long elements() {
    long n = 1;
    for (long s : sizes) {
      n *= s;
    }
    return n;
  }

  /** A copy of the sizes. */
  public long[] toArray() {
    return sizes.clone();
  }

  /**
   * {@code dim} as an index from 0.
   *
   * @throws IllegalArgumentException when there is no such dimension
   */
  public int dim(int dim) {
    int d = dim < 0 ? dim + sizes.length : dim;
    if (d < 0 || d >= sizes.length) {
      throw new IllegalArgumentException(
          "dimension %d of shape %s does not exist".formatted(dim, this));
    }
    return d;
  }

  /** This shape with another size at {@code dim}. */
  public Shape with(int dim, long size) {
    long[] s = sizes.clone();
    s[dim(dim)] = size;
    return of(s);
  }

  /** This shape without {@code dim}. */
  public Shape without(int dim) {
    int d = dim(dim);
    long[] s = new long[sizes.length - 1];
    System.arraycopy(sizes, 0, s, 0, d);
    System.arraycopy(sizes, d + 1, s, d, s.length - d);
    return of(s);
  }

  /**
   * The shape of an element-wise operation on this and {@code other}: aligned at the last
   * dimension, sizes equal or one of them 1.
   *
   * @throws IllegalArgumentException when the two do not broadcast
   */
  public Shape broadcast(Shape other) {
    int rank = Math.max(sizes.length, other.sizes.length);
    long[] out = new long[rank];
    for (int i = 0; i < rank; i++) {
      long a = i < rank - sizes.length ? 1 : sizes[i - rank + sizes.length];
      long b = i < rank - other.sizes.length ? 1 : other.sizes[i - rank + other.sizes.length];
      if (a != b && a != 1 && b != 1) {
        throw new IllegalArgumentException(
            "shapes %s and %s do not broadcast".formatted(this, other));
      }
      out[i] = a == 1 ? b : a;
    }
    return new Shape(out);
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Shape s && Arrays.equals(sizes, s.sizes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes);
  }

  @Override
  public String toString() {
    return Arrays.toString(sizes);
  }
}
