package com.example.parallel;

import java.util.List;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.Product;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Two linears with bias, and GELU (its tanh form) between them. */
final class GeluMlp extends Module {
  private final Linear fcIn;
  private final Linear fcOut;

  GeluMlp(long dim, long wide, DType dtype) {
    fcIn = add("fc_in", new Linear(dim, wide, dtype, true));
    fcOut = add("fc_out", new Linear(wide, dim, dtype, true));
  }

  Tensor forward(Pass pass, Tensor x) {
    return fcOut.forward(pass, gelu(fcIn.forward(pass, x)));
  }

  /** {@code x / 2 * (1 + tanh(z))}, which is {@code x * sigmoid(2 z)}. */
  private static Tensor gelu(Tensor x) {
    Tensor z = x.mul(x).mul(0.044715).add(1).mul(x).mul(Math.sqrt(2 / Math.PI));
    return x.mul(z.mul(2).sigmoid());
  }

  List<Product> products() {
    return List.of(fcIn, fcOut);
  }

  /** GELU keeps its input, the polynomial and the sigmoid. */
  long keptPerToken() {
    return 3 * fcIn.out() + fcIn.keptPerToken() + fcOut.keptPerToken();
  }
}
