package org.tune4j.kit;

import org.tune4j.tensor.DType;

/** How far a value may be off, as a share of the largest expected value, at least 1. */
final class Tolerance {
  /** A step of 1e-5 in fp64 loses 1e-10 to truncation and 1e-11 to rounding. */
  static final double FINITE_DIFFERENCES_FP64 = 1e-7;

  /** For backends without fp64: a step of 1e-2 in fp32. */
  static final double FINITE_DIFFERENCES_FP32 = 2e-2;

  private Tolerance() {}

  /** One operation or a short chain of them, forward or backward. */
  static double of(DType dtype) {
    return switch (dtype) {
      case FP64 -> 1e-11;
      case FP32 -> 1e-5;
      case FP16 -> 5e-3;
      case BF16 -> 4e-2;
      case INT64, UINT8, NF4, INT8 -> 0;
    };
  }
}
