package org.tune4j.adapters.lora;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** The first values of the factors, by PEFT's {@code init_lora_weights}. */
public enum LoraInit {
  /** {@code B} is zero: the base is whole. */
  TRUE,
  /** The largest singular values of {@code W} and their vectors (Meng et al. 2024). */
  PISSA,
  /** The first columns of {@code W}'s orthogonal factor, and their part of it (Büyükakyüz 2024). */
  OLORA;

  /** {@return whether the base is without what the factors begin as} */
  boolean takesFromBase() {
    return this != TRUE;
  }

  /**
   * What the base lacks, in fp32; {@code scale up down} is that part of it. Belongs to the
   * innermost scope.
   */
  Factors factors(Engine engine, Tensor weight, LoraConfig.Size size) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Factors found =
          this == PISSA
              ? Decompositions.largest(engine, weight, size.rank(), size.scale())
              : Decompositions.firstColumns(engine, weight, size.rank());
      return new Factors(scope.moveOut(found.down()), scope.moveOut(found.up()));
    }
  }

  /** {@return the one that a config names; empty for another word} */
  static Optional<LoraInit> of(String name) {
    return Arrays.stream(values())
        .filter(i -> i.toString().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
