package org.tune4j.tensor;

/**
 * The types of a model.
 *
 * @param stored of frozen weights
 * @param compute of all else: activations, adapters, trained weights, gradients, optimiser state;
 *     as wide as {@code stored}, or wider
 */
public record Precision(DType stored, DType compute) {
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
