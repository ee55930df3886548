package org.tune4j.models.layers;

import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;

/** How a linear's weight is stored, and its product. A further storage is one class here. */
public sealed interface BaseWeight {
  /**
   * {@return {@code x W^T}, {@code [n, out]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   */
  Tensor product(Pass pass, Tensor x);

  /**
   * A parameter as it is.
   *
   * @param parameter {@code [out, in]}
   */
  record Plain(Parameter parameter) implements BaseWeight {
    @Override
    public Tensor product(Pass pass, Tensor x) {
      return pass.linear(x, parameter);
    }
  }

  /**
   * A frozen copy in the layout that the backend multiplies fastest; records nothing for gradients.
   *
   * @param weight of {@code [out, in]}
   */
  record Packed(PackedWeight weight) implements BaseWeight {
    @Override
    public Tensor product(Pass pass, Tensor x) {
      return pass.engine().operations().linear(x, weight);
    }
  }

  /**
   * One whose product with an input was computed together with others'.
   *
   * @param x {@code [n, in]}
   * @param result {@code x W^T}
   * @param weight for any other input
   */
  record Computed(Tensor x, Tensor result, BaseWeight weight) implements BaseWeight {
    @Override
    @SuppressWarnings("ReferenceEquality") // the very tensor, not its values
    public Tensor product(Pass pass, Tensor x) {
      return x == this.x ? result : weight.product(pass, x);
    }
  }
}
