package org.tune4j.nn;

import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * A named weight of a {@link Module}, with or without storage. Its tensor belongs to the scope that
 * owned it when it was {@linkplain #set set}; a parameter frees nothing.
 */
public final class Parameter {
  private final String name;
  private final Shape shape;
  private final DType dtype;
  private volatile boolean trainable;
  private volatile @Nullable Tensor tensor;

  /**
   * A parameter without storage.
   *
   * @param name local to its module, such as {@code weight}
   */
  public Parameter(String name, Shape shape, DType dtype, boolean trainable) {
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
    this.trainable = trainable;
  }

  /** The name within its module; {@link Module#parameters} gives full ones. */
  public String name() {
    return name;
  }

  public Shape shape() {
    return shape;
  }

  public DType dtype() {
    return dtype;
  }

  /** Whether passes collect a gradient for it. */
  public boolean trainable() {
    return trainable;
  }

  public void setTrainable(boolean on) {
    trainable = on;
  }

  public boolean hasStorage() {
    return tensor != null;
  }

  /**
   * The stored values, shared by every thread; outside any graph.
   *
   * @throws IllegalStateException when there is no storage
   */
  public Tensor tensor() {
    Tensor t = tensor;
    if (t == null) {
      throw new IllegalStateException(
          "parameter %s %s has no storage; load a state dict or initialise it first"
              .formatted(name, shape));
    }
    return t;
  }

  /**
   * Gives it storage: the tensor itself, not a copy.
   *
   * @throws IllegalArgumentException when shape or type differ
   */
  public void set(Tensor values) {
    if (!values.shape().equals(shape) || values.dtype() != dtype) {
      throw new IllegalArgumentException(
          "parameter %s is %s %s, the tensor is %s %s"
              .formatted(name, dtype, shape, values.dtype(), values.shape()));
    }
    tensor = values;
  }

  /** Takes its storage away; the tensor stays its owner's. */
  public void unset() {
    tensor = null;
  }

  @Override
  public String toString() {
    return "%s %s %s%s".formatted(name, dtype, shape, trainable ? " trainable" : "");
  }
}
