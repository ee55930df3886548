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
   * {@return a shape of these sizes}
   *
   * @param sizes outermost first; none for a scalar
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

  /** {@return the number of dimensions} */
  public int rank() {
    return sizes.length;
  }

  /**
   * {@return the size of a dimension}
   *
   * @param dim from 0; negative counts from the last, {@code -1}
   * @throws IllegalArgumentException when there is no such dimension
   */
  public long size(int dim) {
    return sizes[dim(dim)];
  }

  /** {@return the number of elements; 1 for a scalar} */
  public long elements() {
    long n = 1;
    for (long s : sizes) {
      n *= s;
    }
    return n;
  }

  /** {@return a copy of the sizes} */
  public long[] toArray() {
    return sizes.clone();
  }

  /**
   * {@return a dimension as an index from 0}
   *
   * @param dim negative counts from the last, {@code -1}
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

  /**
   * {@return this shape with another size}
   *
   * @param dim as in {@link #size}
   * @param size of that dimension
   */
  public Shape with(int dim, long size) {
    long[] s = sizes.clone();
    s[dim(dim)] = size;
    return of(s);
  }

  /**
   * {@return this shape without a dimension}
   *
   * @param dim as in {@link #size}
   */
  public Shape without(int dim) {
    int d = dim(dim);
    long[] s = new long[sizes.length - 1];
    System.arraycopy(sizes, 0, s, 0, d);
    System.arraycopy(sizes, d + 1, s, d, s.length - d);
    return of(s);
  }

  /**
   * {@return the shape of an element-wise operation on two: aligned at the last dimension, sizes
   * equal or one of them 1}
   *
   * @param other the other argument's
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

  /**
   * {@return the shape of as many elements in other sizes}
   *
   * @param sizes one may be -1, which takes what is left
   * @throws IllegalArgumentException when the element counts differ
   */
  Shape filledBy(long... sizes) {
    long[] s = sizes.clone();
    long known = 1;
    int open = -1;
    for (int i = 0; i < s.length; i++) {
      if (s[i] == -1 && open < 0) {
        open = i;
      } else {
        known *= s[i];
      }
    }
    if (open >= 0 && known != 0) {
      s[open] = elements() / known;
    }
    Shape target = of(s);
    if (target.elements() != elements()) {
      throw new IllegalArgumentException(
          "reshape %s: %d elements do not fill %s".formatted(this, elements(), target));
    }
    return target;
  }
}
