package org.tune4j.models.layers;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Scores every expert for a token (Shazeer et al. 2017). No adapter's target, as in PEFT. */
public final class Router extends Module {
  /** What an expert's output is multiplied by. */
  public enum Weights {
    /** The softmax over all experts. */
    OF_ALL,
    /** The same, divided by the sum over those that are chosen. */
    OF_ALL_NORMED,
    /** The softmax over those that are chosen. */
    OF_CHOSEN
  }

  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final int chosen;
  private final Weights weights;

  /**
   * A router without storage.
   *
   * @param dim width of the residual stream
   * @param experts how many there are
   * @param chosen how many a token goes through
   * @param weights of the chosen
   * @param bias whether there is one
   * @param dtype of the weights
   */
  public Router(long dim, int experts, int chosen, Weights weights, boolean bias, DType dtype) {
    weight = add(new Parameter("weight", Shape.of(experts, dim), dtype, true));
    this.bias = bias ? add(new Parameter("bias", Shape.of(experts), dtype, true)) : null;
    this.chosen = chosen;
    this.weights = weights;
  }

  int chosen() {
    return chosen;
  }

  /**
   * {@return each expert's score, {@code [tokens, experts]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}
   */
  Tensor scores(Pass pass, Tensor x) {
    Tensor product = pass.linear(x, weight);
    return bias == null ? product : product.add(pass.value(bias, product.dtype()));
  }

  /**
   * {@return the chosen experts' weights, {@code [tokens * chosen, 1]}, a token's one after the
   * other, in the type of the scores}
   *
   * @param scores of {@link #scores}
   * @param experts that each token has chosen, {@code [tokens * chosen]}
   */
  Tensor weights(Tensor scores, int[] experts) {
    long tokens = scores.size(0);
    DType wide = scores.dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
    Tensor s = scores.dtype() == wide ? scores : scores.cast(wide);
    if (weights != Weights.OF_CHOSEN) {
      s = s.engine().operations().softmax(s);
    }
    long width = s.size(1);
    int[] at = new int[experts.length];
    for (int i = 0; i < at.length; i++) {
      at[i] = Math.toIntExact(i / chosen * width + experts[i]);
    }
    Tensor some =
        s.reshape(tokens * width, 1).indexSelect(s.engine().indices(at)).reshape(tokens, chosen);
    Tensor result =
        switch (weights) {
          case OF_ALL -> some;
          case OF_ALL_NORMED -> some.div(some.sum(1));
          case OF_CHOSEN -> some.engine().operations().softmax(some);
        };
    Tensor column = result.reshape(tokens * chosen, 1);
    return column.dtype() == scores.dtype() ? column : column.cast(scores.dtype());
  }
}
