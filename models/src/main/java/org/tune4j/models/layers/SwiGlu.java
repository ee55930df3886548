package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** The MLP {@code down(silu(gate x) * up x)} (Shazeer 2020). */
public final class SwiGlu extends Module {
  private final JoinedLinear gateUpProj;
  private final Linear downProj;

  /**
   * An MLP without storage, named as Llama's.
   *
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param dtype of the weights
   */
  public SwiGlu(long dim, long wide, DType dtype) {
    Linear gateProj = add("gate_proj", new Linear(dim, wide, dtype));
    Linear upProj = add("up_proj", new Linear(dim, wide, dtype));
    gateUpProj = new JoinedLinear(gateProj, upProj);
    downProj = add("down_proj", new Linear(wide, dim, dtype));
  }

  /**
   * {@return the MLP of each token, {@code [tokens, dim]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param x {@code [tokens, dim]}
   */
  public Tensor forward(Pass pass, Tensor x) {
    List<Tensor> gateUp = gateUpProj.forward(pass, x);
    Tensor mixed = pass.engine().operations().swiGlu(gateUp.get(0), gateUp.get(1));
    return downProj.forward(pass, mixed);
  }

  /** {@return its products: gate and up at once, and down} */
  public List<Product> products() {
    return List.of(gateUpProj, downProj);
  }

  /**
   * {@return elements that a token keeps for backward: inputs of trained linears, gate, its silu,
   * up}
   */
  public long keptPerToken() {
    return 3 * downProj.in() + gateUpProj.keptPerToken() + downProj.keptPerToken();
  }
}
