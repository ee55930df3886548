package org.tune4j.tensor;

import java.util.Locale;
import org.tune4j.spi.Backend.Binary;
import org.tune4j.spi.Backend.Unary;
import org.tune4j.spi.TensorHandle;

/** What a {@link Tensor} is, what is computed of it, and the checks that come before. */
abstract sealed class TensorArithmetic permits Tensor {
  final Engine engine;
  final DType dtype;
  final Shape shape;
  final Device device;

  TensorArithmetic(Engine engine, DType dtype, Shape shape, Device device) {
    this.engine = engine;
    this.dtype = dtype;
    this.shape = shape;
    this.device = device;
  }

  /** {@return the type of its elements} */
  public DType dtype() {
    return dtype;
  }

  /** {@return the sizes of its dimensions} */
  public Shape shape() {
    return shape;
  }

  /**
   * {@return the size of one dimension}
   *
   * @param dim from 0; negative counts from the last
   * @throws IllegalArgumentException when there is no such dimension
   */
  public long size(int dim) {
    return shape.size(dim);
  }

  /** {@return where it lies} */
  public Device device() {
    return device;
  }

  /** {@return what computes with it} */
  public Engine engine() {
    return engine;
  }

  abstract TensorHandle handle();

  abstract Tensor reshape(long... sizes);

  Tensor result(TensorHandle h, Shape s) {
    return engine.adopt(h, dtype, s, device);
  }

  /**
   * {@return a view with two dimensions exchanged}
   *
   * @param dim0 negative counts from the last
   * @param dim1 negative counts from the last
   * @throws IllegalArgumentException when there is no such dimension
   */
  public Tensor transpose(int dim0, int dim1) {
    int a = shape.dim(dim0);
    int b = shape.dim(dim1);
    Shape s = shape.with(a, shape.size(b)).with(b, shape.size(a));
    return result(engine.backend().transpose(handle(), a, b), s);
  }

  /**
   * {@return a view that repeats dimensions of size 1; the rank stays}
   *
   * @param sizes of all dimensions
   * @throws IllegalArgumentException when they do not fit
   */
  public Tensor expand(long... sizes) {
    Shape target = Shape.of(sizes);
    if (target.rank() != shape.rank() || !shape.broadcast(target).equals(target)) {
      throw new IllegalArgumentException("expand %s: does not fit %s".formatted(shape, target));
    }
    return result(engine.backend().expand(handle(), target), target);
  }

  private Tensor unary(Unary op) {
    checkFloating(op.name());
    return result(engine.backend().unary(op, handle()), shape);
  }

  private Tensor binary(Binary op, Tensor other) {
    checkSame(other, op.name());
    checkFloating(op.name());
    Shape s = shape.broadcast(other.shape);
    return result(engine.backend().binary(op, handle(), other.handle()), s);
  }

  private Tensor binary(Binary op, double scalar) {
    checkFloating(op.name());
    return result(engine.backend().binary(op, handle(), scalar), shape);
  }

  /**
   * {@return {@code -x}, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor neg() {
    return unary(Unary.NEG);
  }

  /**
   * {@return {@code e^x}, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor exp() {
    return unary(Unary.EXP);
  }

  /**
   * {@return the natural logarithm, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor log() {
    return unary(Unary.LOG);
  }

  /**
   * {@return the square root, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor sqrt() {
    return unary(Unary.SQRT);
  }

  /**
   * {@return {@code 1 / (1 + e^-x)}, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor sigmoid() {
    return unary(Unary.SIGMOID);
  }

  /**
   * {@return the hyperbolic tangent, element by element}
   *
   * @throws IllegalArgumentException when the type is not floating
   */
  public Tensor tanh() {
    return unary(Unary.TANH);
  }

  /**
   * {@return {@code this + other}, broadcast}
   *
   * @param other of the same type and device
   * @throws IllegalArgumentException when types, devices or shapes do not fit, or the type is not
   *     floating
   */
  public Tensor add(Tensor other) {
    return binary(Binary.ADD, other);
  }

  /**
   * {@return {@code this - other}, broadcast}
   *
   * @param other of the same type and device
   * @throws IllegalArgumentException when types, devices or shapes do not fit, or the type is not
   *     floating
   */
  public Tensor sub(Tensor other) {
    return binary(Binary.SUB, other);
  }

  /**
   * {@return {@code this * other}, broadcast}
   *
   * @param other of the same type and device
   * @throws IllegalArgumentException when types, devices or shapes do not fit, or the type is not
   *     floating
   */
  public Tensor mul(Tensor other) {
    return binary(Binary.MUL, other);
  }

  /**
   * {@return {@code this / other}, broadcast}
   *
   * @param other of the same type and device
   * @throws IllegalArgumentException when types, devices or shapes do not fit, or the type is not
   *     floating
   */
  public Tensor div(Tensor other) {
    return binary(Binary.DIV, other);
  }

  /**
   * {@return {@code this + scalar}, element by element, in this type}
   *
   * @param scalar for every element
   */
  public Tensor add(double scalar) {
    return binary(Binary.ADD, scalar);
  }

  /**
   * {@return {@code this * scalar}, element by element, in this type}
   *
   * @param scalar for every element
   */
  public Tensor mul(double scalar) {
    return binary(Binary.MUL, scalar);
  }

  /**
   * {@return {@code this / scalar}, element by element, in this type}
   *
   * @param scalar for every element
   */
  public Tensor div(double scalar) {
    return binary(Binary.DIV, scalar);
  }

  /**
   * {@return the sum over a dimension, which stays with size 1}
   *
   * @param dim negative counts from the last
   */
  public Tensor sum(int dim) {
    checkFloating("sum");
    int d = shape.dim(dim);
    return result(engine.backend().sum(handle(), d), shape.with(d, 1));
  }

  /** {@return the sum of all elements, {@code []}} */
  public Tensor sum() {
    return reshape(1, shape.elements()).sum(1).reshape();
  }

  /**
   * {@return the largest element over a dimension, which stays with size 1}
   *
   * @param dim negative counts from the last
   * @throws IllegalArgumentException when the dimension is empty
   */
  public Tensor max(int dim) {
    checkFloating("max");
    int d = shape.dim(dim);
    if (shape.size(d) == 0) {
      throw new IllegalArgumentException("max %s: dimension %d is empty".formatted(shape, d));
    }
    return result(engine.backend().max(handle(), d), shape.with(d, 1));
  }

  /**
   * {@return the matrix product, {@code [n, m]} or {@code [b, n, m]}, of this {@code [n, k]} or
   * {@code [b, n, k]}}
   *
   * @param other {@code [k, m]} or {@code [b, k, m]}, of the same type
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor matmul(Tensor other) {
    checkSame(other, "matmul");
    checkFloating("matmul");
    int r = shape.rank();
    if (r != other.shape.rank()
        || (r != 2 && r != 3)
        || size(-1) != other.size(-2)
        || (r == 3 && size(0) != other.size(0))) {
      throw new IllegalArgumentException(
          "matmul: shapes %s and %s do not fit".formatted(shape, other.shape));
    }
    return result(
        engine.backend().matmul(handle(), other.handle()), shape.with(r - 1, other.size(-1)));
  }

  /**
   * {@return rows along dimension 0; those of an int8 tensor in fp32}
   *
   * @param indices int64 {@code [n]}, in range, which is not checked
   * @throws IllegalArgumentException when they are not int64 of rank 1
   */
  public Tensor indexSelect(Tensor indices) {
    checkIndices(indices, 1, "indexSelect");
    if (this instanceof Tensor t && dtype == DType.INT8) {
      return engine.operations().unpack(t, indices);
    }
    return result(
        engine.backend().indexSelect(handle(), indices.handle()), shape.with(0, indices.size(0)));
  }

  /**
   * {@return one element of each row of {@code [n, m]}: {@code out[i, 0] = this[i, indices[i, 0]]}}
   *
   * @param indices int64 {@code [n, 1]}, in range, which is not checked
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor gather(Tensor indices) {
    checkIndices(indices, 2, "gather");
    if (shape.rank() != 2 || indices.size(0) != size(0) || indices.size(1) != 1) {
      throw new IllegalArgumentException(
          "gather: shapes %s and %s do not fit".formatted(shape, indices.shape));
    }
    return result(engine.backend().gather(handle(), indices.handle()), indices.shape);
  }

  void checkSame(Tensor other, String op) {
    if (other.dtype != dtype) {
      throw new IllegalArgumentException(
          "%s: dtypes %s and %s differ; cast one"
              .formatted(op.toLowerCase(Locale.ROOT), dtype, other.dtype));
    }
    if (!other.device.equals(device)) {
      throw new IllegalArgumentException(
          "%s: devices %s and %s differ; copyTo one"
              .formatted(op.toLowerCase(Locale.ROOT), device, other.device));
    }
  }

  void checkFloating(String op) {
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException(
          "%s: dtype is %s, expected a floating one".formatted(op.toLowerCase(Locale.ROOT), dtype));
    }
  }

  void checkIndices(Tensor indices, int rank, String op) {
    if (indices.dtype != DType.INT64 || indices.shape.rank() != rank || shape.rank() < 1) {
      throw new IllegalArgumentException(
          "%s: indices are %s %s, expected int64 of rank %d"
              .formatted(op, indices.dtype, indices.shape, rank));
    }
  }
}
