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
  private volatile boolean outputFactor;
  private volatile @Nullable Tensor tensor;

  /**
   * A parameter without storage.
   *
   * @param name local to its module, such as {@code weight}
   * @param shape that its storage must have
   * @param dtype that its storage must have
   * @param trainable whether passes collect a gradient for it
   */
  public Parameter(String name, Shape shape, DType dtype, boolean trainable) {
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
    this.trainable = trainable;
  }

  /** {@return the name within its module; {@link Module#parameters} gives full ones} */
  public String name() {
    return name;
  }

  /** {@return the shape of its storage, also while it has none} */
  public Shape shape() {
    return shape;
  }

  /** {@return the type of its storage, also while it has none} */
  public DType dtype() {
    return dtype;
  }

  /** {@return whether passes collect a gradient for it} */
  public boolean trainable() {
    return trainable;
  }

  /**
   * Freezes it or not, for passes that begin later.
   *
   * @param on whether they collect a gradient for it
   */
  public void setTrainable(boolean on) {
    trainable = on;
  }

  /**
   * {@return whether it is the factor on the output's side of an adapter's product, which LoRA+
   * (Hayou et al. 2024) gives a larger learning rate}
   */
  public boolean isOutputFactor() {
    return outputFactor;
  }

  /**
   * Says that it is the factor on the output's side of an adapter's product.
   *
   * @return this parameter
   */
  public Parameter markOutputFactor() {
    outputFactor = true;
    return this;
  }

  /** {@return whether it was {@linkplain #set set}} */
  public boolean hasStorage() {
    return tensor != null;
  }

  /**
   * {@return the stored values, shared by every thread; outside any graph}
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
   * @param values owned by a scope that outlives its use; of its type, or quantised, which cannot
   *     be trained
   * @throws IllegalArgumentException when shape or type differ
   */
  public void set(Tensor values) {
    if (!values.shape().equals(shape)
        || (values.dtype() != dtype && !values.dtype().isQuantised())) {
      throw new IllegalArgumentException(
          "parameter %s is %s %s, the tensor is %s %s"
              .formatted(name, dtype, shape, values.dtype(), values.shape()));
    }
    if (values.dtype().isQuantised()) {
      trainable = false;
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
