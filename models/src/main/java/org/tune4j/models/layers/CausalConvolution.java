package org.tune4j.models.layers;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** A convolution of each channel alone, over a token and those before it. */
final class CausalConvolution extends Module {
  private final long channels;
  private final int kernel;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** Without storage; {@code kernel} tokens, two or more. */
  CausalConvolution(long channels, int kernel, boolean bias, DType dtype) {
    this.channels = channels;
    this.kernel = kernel;
    weight = add(new Parameter("weight", Shape.of(channels, 1, kernel), dtype, true));
    this.bias = bias ? add(new Parameter("bias", Shape.of(channels), dtype, true)) : null;
  }

  /**
   * What a chunk gives.
   *
   * @param output {@code [n, channels]}
   * @param state what the next tokens see of the last ones, {@code [kernel - 1, channels]}
   */
  record Convolved(Tensor output, Tensor state) {}

  /** What a row's first tokens see before them: zeros. */
  Tensor begin(Pass pass, DType dtype) {
    return pass.engine().zeros(dtype, Shape.of(kernel - 1L, channels));
  }

  /** The next tokens, {@code [n, channels]}, after the state. */
  Convolved next(Pass pass, Tensor x, Tensor state) {
    long n = x.size(0);
    Tensor all = Tensor.cat(List.of(state, x), 0);
    Tensor w = pass.value(weight, x.dtype()).reshape(channels, kernel).transpose(0, 1);
    Tensor sum = all.narrow(0, 0, n).mul(w.narrow(0, 0, 1));
    for (int i = 1; i < kernel; i++) {
      sum = sum.add(all.narrow(0, i, n).mul(w.narrow(0, i, 1)));
    }
    Tensor last = all.narrow(0, n, kernel - 1L).cast(x.dtype());
    return new Convolved(bias == null ? sum : sum.add(pass.value(bias, x.dtype())), last);
  }

  /** Elements of a state. */
  long stateSize() {
    return (kernel - 1L) * channels;
  }

  @Override
  protected String details() {
    return "%d, kernel=%d%s".formatted(channels, kernel, bias == null ? "" : ", bias");
  }
}
