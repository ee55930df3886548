package org.tune4j.models.layers;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/**
 * A linear as its adapter sees it: what it computes without.
 *
 * @param weight as it is stored, {@code [out, in]}
 * @param bias {@code [out]}; null for none
 */
public record BaseLinear(BaseWeight weight, @Nullable Parameter bias) {
  /**
   * {@return the product alone, {@code x W^T}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   */
  public Tensor product(Pass pass, Tensor x) {
    return weight.product(pass, x);
  }

  /**
   * {@return a product and the bias, or the product where there is none}
   *
   * @param pass of the calling thread
   * @param product {@code [n, out]}
   */
  public Tensor biased(Pass pass, Tensor product) {
    return bias == null ? product : product.add(pass.value(bias, product.dtype()));
  }
}
