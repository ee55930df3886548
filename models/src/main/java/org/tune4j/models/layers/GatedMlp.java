package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** The MLP {@code down(act(gate x) * up x)} (Shazeer 2020). */
public final class GatedMlp extends Mlp {
  private final Activation activation;
  private final Branches gateUpProj;
  private final Linear downProj;

  /**
   * An MLP without storage, named as Llama's: SwiGLU without biases.
   *
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param dtype of the weights
   */
  public GatedMlp(long dim, long wide, DType dtype) {
    this(dim, wide, Activation.SILU, false, dtype);
  }

  /**
   * The same with another activation, or with biases.
   *
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param activation of the gate
   * @param bias whether the linears have biases
   * @param dtype of the weights
   */
  public GatedMlp(long dim, long wide, Activation activation, boolean bias, DType dtype) {
    this(new Names("gate_proj", "up_proj", "down_proj"), dim, wide, activation, bias, dtype);
  }

  /**
   * The same with other names.
   *
   * @param names of the linears
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param activation of the gate
   * @param bias whether the linears have biases
   * @param dtype of the weights
   */
  public GatedMlp(
      Names names, long dim, long wide, Activation activation, boolean bias, DType dtype) {
    this.activation = activation;
    Linear gateProj = add(names.gate, new Linear(dim, wide, dtype, bias));
    Linear upProj = add(names.up, new Linear(dim, wide, dtype, bias));
    gateUpProj = new JoinedLinear(gateProj, upProj);
    downProj = add(names.down, new Linear(wide, dim, dtype, bias));
  }

  /**
   * What a checkpoint calls the linears.
   *
   * @param gate to what is activated
   * @param up to what that is multiplied with
   * @param down back to the residual stream
   */
  public record Names(String gate, String up, String down) {}

  private GatedMlp(String gateUp, String down, long dim, long wide, Activation act, DType dtype) {
    activation = act;
    gateUpProj = new FusedLinear(add(gateUp, new Linear(dim, 2 * wide, dtype)), wide, wide);
    downProj = add(down, new Linear(wide, dim, dtype));
  }

  /**
   * {@return an MLP whose gate and up are stored as one linear, the gate first}
   *
   * @param gateUp that linear's name
   * @param down the other's
   * @param dim width of the residual stream
   * @param wide width between the linears
   * @param activation of the gate
   * @param dtype of the weights
   */
  public static GatedMlp fused(
      String gateUp, String down, long dim, long wide, Activation activation, DType dtype) {
    return new GatedMlp(gateUp, down, dim, wide, activation, dtype);
  }

  @Override
  public Tensor forward(Pass pass, Tensor x) {
    List<Tensor> gateUp = gateUpProj.forward(pass, x);
    Tensor mixed = activation.gated(pass.engine().operations(), gateUp.get(0), gateUp.get(1));
    return downProj.forward(pass, mixed);
  }

  @Override
  public List<Product> products() {
    return List.of(gateUpProj, downProj);
  }

  /** Inputs of trained linears, gate, its activation, up. */
  @Override
  public long keptPerToken() {
    return 3 * downProj.in() + gateUpProj.keptPerToken() + downProj.keptPerToken();
  }
}
