package org.tune4j.models.layers;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** {@code x W^T + b}: a base weight, a bias or none, and adapters or none. */
public final class Linear extends Adaptable<LinearAdapter> implements Product {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private volatile BaseLinear base;
  private DType dtype;

  /**
   * A linear with a weight of its own and no bias, trainable, without storage.
   *
   * @param in the last dimension of what it takes
   * @param out the last dimension of what it gives
   * @param dtype of the weight
   */
  public Linear(long in, long out, DType dtype) {
    this(in, out, dtype, false);
  }

  /**
   * The same with a bias or without.
   *
   * @param in the last dimension of what it takes
   * @param out the last dimension of what it gives
   * @param dtype of weight and bias
   * @param bias whether there is a {@code bias}, {@code [out]}
   */
  public Linear(long in, long out, DType dtype, boolean bias) {
    this(
        new Parameter("weight", Shape.of(out, in), dtype, true),
        bias ? new Parameter("bias", Shape.of(out), dtype, true) : null);
  }

  /**
   * A linear over a weight that another module holds too, as a tied head does.
   *
   * @param weight {@code [out, in]}
   */
  public Linear(Parameter weight) {
    this(weight, null);
  }

  private Linear(Parameter weight, @Nullable Parameter bias) {
    super(weight.dtype());
    this.weight = add(weight);
    this.bias = bias == null ? null : add(bias);
    base = new BaseLinear(new BaseWeight.Plain(weight), this.bias);
    dtype = weight.dtype();
  }

  /** {@return the type of what it takes and gives} */
  public DType dtype() {
    return dtype;
  }

  /**
   * Takes and gives a wider type than its weight's; before it is used.
   *
   * @param compute of activations
   */
  public void setDtype(DType compute) {
    dtype = compute;
  }

  /** {@return {@code W}, of {@code [out, in]}} */
  public Parameter weight() {
    return weight;
  }

  /** {@return the size of the last dimension that it takes} */
  public long in() {
    return weight.shape().size(1);
  }

  /** {@return the size of the last dimension that it gives} */
  public long out() {
    return weight.shape().size(0);
  }

  /**
   * {@return the product, {@code [n, out]}, owned by the calling thread's scope}
   *
   * @param pass the run of the model that this is part of; says which adapter is used
   * @param x {@code [n, in]}
   */
  public Tensor forward(Pass pass, Tensor x) {
    return forward(pass, pass.input(x), base);
  }

  /** What {@link #forward} gives, of a product that is there: {@code x W^T}. */
  Tensor complete(Pass pass, Tensor x, Tensor product) {
    return forward(
        pass, x, new BaseLinear(new BaseWeight.Computed(x, product, base.weight()), bias));
  }

  private Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    LinearAdapter adapter = adapterOf(pass);
    return adapter == null
        ? base.biased(pass, base.product(pass, x))
        : adapter.forward(pass, x, base);
  }

  /** Whether backward needs the input. */
  boolean keepsInput() {
    return weight.trainable() || isAdapted();
  }

  @Override
  public long keptPerToken() {
    return (keepsInput() ? in() : 0) + keptByAdapters();
  }

  @Override
  public Optional<PackedWeight> pack(Engine engine) {
    try (TensorScope scope = engine.openScope()) {
      Tensor w = weight.tensor();
      return engine.operations().pack(w.dtype() == dtype ? w : w.cast(dtype)).map(scope::moveOut);
    }
  }

  @Override
  public void setPacked(PackedWeight packed) {
    base = new BaseLinear(new BaseWeight.Packed(packed), bias);
  }

  /**
   * {@return whether a packed copy of the weight is multiplied with, which records no gradients}
   */
  public boolean isPacked() {
    return base.weight() instanceof BaseWeight.Packed;
  }

  @Override
  protected String details() {
    return "in=%d, out=%d%s%s"
        .formatted(
            in(),
            out(),
            bias == null ? "" : ", bias",
            adapter().map(a -> ", " + a.describe()).orElse(""));
  }
}
