package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** The MLP {@code down(act(up x))}. */
public final class PlainMlp extends Mlp {
  private final Activation activation;
  private final Linear up;
  private final Linear down;

  /**
   * An MLP without storage.
   *
   * @param upName of the first linear
   * @param downName of the second
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param activation between them
   * @param bias whether they have biases
   * @param dtype of the weights
   */
  public PlainMlp(
      String upName,
      String downName,
      long dim,
      long wide,
      Activation activation,
      boolean bias,
      DType dtype) {
    this.activation = activation;
    up = add(upName, new Linear(dim, wide, dtype, bias));
    down = add(downName, new Linear(wide, dim, dtype, bias));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    return down.forward(pass, activation.of(up.forward(pass, x)));
  }

  @Override
  public List<Product> products() {
    return List.of(up, down);
  }

  /** Inputs of trained linears, and what the activation keeps. */
  @Override
  public long keptPerToken() {
    return 4 * down.in() + up.keptPerToken() + down.keptPerToken();
  }
}
