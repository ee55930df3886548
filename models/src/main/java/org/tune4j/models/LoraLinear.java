package org.tune4j.models;

import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * A linear with a low-rank update: {@code x W^T + (alpha / rank) dropout(x) A^T B^T} (Hu et al.
 * 2021, section 4.1). {@code W} is frozen; {@code lora_A.weight} is {@code [rank, in]} and {@code
 * lora_B.weight} {@code [out, rank]}, as PEFT names them.
 */
public final class LoraLinear extends Linear {
  private final Linear a;
  private final Linear b;
  private final LoraConfig config;
  private volatile boolean enabled = true;

  /** Adapts {@code weight [out, in]}. */
  LoraLinear(Parameter weight, LoraConfig config) {
    super(weight);
    this.config = config;
    Shape s = weight.shape();
    a = add("lora_A", new Linear(s.size(1), config.rank(), weight.dtype(), true));
    b = add("lora_B", new Linear(config.rank(), s.size(0), weight.dtype(), true));
  }

  /** {@return {@code lora_A.weight}, of {@code [rank, in]}} */
  public Parameter loraA() {
    return a.weight();
  }

  /** {@return {@code lora_B.weight}, of {@code [out, rank]}} */
  public Parameter loraB() {
    return b.weight();
  }

  /** {@return rank, alpha and dropout of its adapter} */
  public LoraConfig config() {
    return config;
  }

  /** {@return whether the adapter is added; without it, the base linear alone} */
  public boolean enabled() {
    return enabled;
  }

  /**
   * Off, it computes {@code x W^T} alone, in every thread.
   *
   * @param on whether the adapter is added
   */
  public void setEnabled(boolean on) {
    enabled = on;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    if (!enabled || !pass.adapted() || isPacked() || drops(pass)) {
      return super.forward(pass, x);
    }
    Operations ops = pass.engine().operations();
    Tensor w = pass.value(weight());
    return ops.loraLinear(x, w, pass.value(loraA()), pass.value(loraB()), config.scale());
  }

  @Override
  Tensor adapted(Pass pass, Tensor x, Tensor product) {
    if (!enabled || !pass.adapted()) {
      return product;
    }
    Operations ops = pass.engine().operations();
    Tensor down = pass.value(loraA());
    Tensor up = pass.value(loraB());
    Tensor in = drops(pass) ? ops.dropout(x, config.dropout(), pass.nextDropoutSeed()) : x;
    return product.add(ops.linear(ops.linear(in, down), up).mul(config.scale()));
  }

  private boolean drops(Pass pass) {
    return pass.training() && config.dropout() > 0;
  }

  @Override
  protected String details() {
    return "%s, rank=%d, alpha=%s, dropout=%s"
        .formatted(super.details(), config.rank(), config.alpha(), config.dropout());
  }
}
