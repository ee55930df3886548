package org.tune4j.recipes;

import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/** How ranks share a model. */
enum Strategy {
  /** Every rank has all weights; gradients are added. */
  DDP,
  /** Every rank has a range of weights, gradients and optimiser state. */
  FSDP,
  /** Data parallel where that fits into memory. */
  AUTO;

  /** Whether weights are sharded; null where memory decides. */
  @Nullable Boolean sharded() {
    return this == AUTO ? null : this == FSDP;
  }

  static Strategy parse(String name) {
    return switch (name) {
      case "ddp" -> DDP;
      case "fsdp" -> FSDP;
      case "auto" -> AUTO;
      default ->
          throw new UsageException("strategy is '%s', expected ddp, fsdp or auto".formatted(name));
    };
  }
}
