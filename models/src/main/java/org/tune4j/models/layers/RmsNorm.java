package org.tune4j.models.layers;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Root-mean-square normalisation, in fp32 or wider (Zhang and Sennrich 2019). */
public final class RmsNorm extends Norm {
  private final long dim;
  private final @Nullable Parameter weight;
  private final double eps;
  private final double offset;

  /**
   * A norm, trainable, without storage.
   *
   * @param dim the last dimension
   * @param eps added to the mean square
   * @param dtype of the weight
   */
  public RmsNorm(long dim, double eps, DType dtype) {
    this(dim, eps, 0, dtype);
  }

  /**
   * The same with a weight around another value.
   *
   * @param dim the last dimension
   * @param eps added to the mean square
   * @param offset added to the weight, in fp32 or wider; Gemma's is 1
   * @param dtype of the weight
   */
  public RmsNorm(long dim, double eps, double offset, DType dtype) {
    this.dim = dim;
    weight = add(new Parameter("weight", Shape.of(dim), dtype, true));
    this.eps = eps;
    this.offset = offset;
  }

  private RmsNorm(long dim, double eps) {
    this.dim = dim;
    weight = null;
    this.eps = eps;
    offset = 0;
  }

  /**
   * {@return a norm without weights}
   *
   * @param dim the last dimension
   * @param eps added to the mean square
   */
  public static RmsNorm unscaled(long dim, double eps) {
    return new RmsNorm(dim, eps);
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    if (weight == null) {
      float[] ones = new float[(int) dim];
      Arrays.fill(ones, 1);
      Tensor factor = pass.engine().tensor(ones, x.dtype(), Shape.of(dim));
      return pass.engine().operations().rmsNorm(x, factor, eps);
    }
    if (offset == 0) {
      return pass.engine().operations().rmsNorm(x, pass.value(weight, x.dtype()), eps);
    }
    // The sum would be rounded in a narrow type; so is the product, once.
    DType wide = x.dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
    Tensor w = pass.value(weight, wide);
    Tensor factor = (w.dtype() == wide ? w : w.cast(wide)).add(offset);
    Tensor v = x.dtype() == wide ? x : x.cast(wide);
    Tensor y = pass.engine().operations().rmsNorm(v, factor, eps);
    return x.dtype() == wide ? y : y.cast(x.dtype());
  }

  @Override
  protected String details() {
    return "%d, eps=%s".formatted(dim, eps);
  }
}
