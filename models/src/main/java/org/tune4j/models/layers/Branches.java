package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** Several linears of one input. */
sealed interface Branches extends Product permits JoinedLinear, FusedLinear {
  /**
   * {@return {@code [n, out]} of each linear, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   */
  List<Tensor> forward(Pass pass, Tensor x);
}
