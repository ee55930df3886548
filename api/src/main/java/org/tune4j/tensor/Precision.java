package org.tune4j.tensor;

/**
 * The types of a model.
 *
 * @param stored of frozen weights
 * @param compute of all else, such as activations; as wide as {@code stored}, or wider
 * @param adapters of what is trained over frozen weights, its gradients and optimiser state
 */
public record Precision(DType stored, DType compute, DType adapters) {
  /**
   * Types of a model whose adapters have the type of all else.
   *
   * @param stored of frozen weights
   * @param compute of all else; as wide as {@code stored}, or wider
   */
  public Precision(DType stored, DType compute) {
    this(stored, compute, compute);
  }

  /**
   * {@return one type for everything}
   *
   * @param dtype floating
   */
  public static Precision of(DType dtype) {
    return new Precision(dtype, dtype);
  }

  /** {@return whether frozen weights are widened where they are used} */
  public boolean widens() {
    return stored != compute;
  }

  /** {@return {@code bf16}, or {@code bf16 computed in fp32}} */
  @Override
  public String toString() {
    return stored == compute ? stored.toString() : stored + " computed in " + compute;
  }
}
