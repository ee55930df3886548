package org.tune4j.tensor;

/** Between a tensor's own type and the fp32 or fp64 in which sums and exponentials are computed. */
final class Casts {
  private Casts() {}

  /** In fp32, or as it is where that is no less. */
  static Tensor widen(Tensor x) {
    return x.dtype() == DType.FP32 || x.dtype() == DType.FP64 ? x : x.cast(DType.FP32);
  }

  /** In this type, or as it is where that is its own. */
  static Tensor narrowTo(Tensor x, DType dtype) {
    return x.dtype() == dtype ? x : x.cast(dtype);
  }
}
