package org.tune4j.models.layers;

import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * The MLPs that a {@link Router} chooses from. Their weights are no {@link Linear}s, so that an
 * adapter of all linears leaves them alone, as PEFT does.
 */
public abstract class Experts extends Module {
  /**
   * {@return one expert's MLP of the tokens that chose it, {@code [m, dim]}, owned by the calling
   * thread's scope}
   *
   * @param pass of the calling thread
   * @param expert from 0
   * @param x {@code [m, dim]}
   */
  public abstract Tensor forward(Pass pass, int expert, Tensor x);

  /** {@return elements that a token keeps for backward in one expert} */
  public abstract long keptPerToken();

  /** A weight of an expert, {@code [out, in]}. */
  private static final class Weight extends Module {
    private final Parameter weight;

    Weight(long in, long out, DType dtype) {
      weight = add(new Parameter("weight", Shape.of(out, in), dtype, true));
    }

    Tensor product(Pass pass, Tensor x) {
      return pass.linear(x, weight);
    }
  }

  private static final class Expert extends Module {
    private final Weight gate;
    private final Weight up;
    private final Weight down;

    Expert(Names names, long dim, long wide, DType dtype) {
      gate = add(names.gate, new Weight(dim, wide, dtype));
      up = add(names.up, new Weight(dim, wide, dtype));
      down = add(names.down, new Weight(wide, dim, dtype));
    }
  }

  /**
   * What a checkpoint calls an expert's weights.
   *
   * @param gate of the gate
   * @param up of what the gate multiplies
   * @param down of the output
   */
  public record Names(String gate, String up, String down) {}

  /**
   * {@return experts {@code down(act(gate x) * up x)}, each with weights of its own, without
   * storage}
   *
   * @param names of the weights
   * @param count how many there are
   * @param dim width of the residual stream
   * @param wide width between the products
   * @param activation of the gate
   * @param dtype of the weights
   */
  public static Experts gated(
      Names names, int count, long dim, long wide, Activation activation, DType dtype) {
    return new Gated(
        IntStream.range(0, count).mapToObj(i -> new Expert(names, dim, wide, dtype)).toList(),
        wide,
        activation);
  }

  private static final class Gated extends Experts {
    private final List<Expert> experts;
    private final long wide;
    private final Activation activation;

    Gated(List<Expert> experts, long wide, Activation activation) {
      this.experts = experts;
      this.wide = wide;
      this.activation = activation;
      for (int i = 0; i < experts.size(); i++) {
        add(Integer.toString(i), experts.get(i));
      }
    }

    @Override
    public Tensor forward(Pass pass, int expert, Tensor x) {
      Expert e = experts.get(expert);
      Tensor in = pass.input(x);
      Tensor mixed =
          activation.gated(
              pass.engine().operations(), e.gate.product(pass, in), e.up.product(pass, in));
      return e.down.product(pass, pass.input(mixed));
    }

    @Override
    public long keptPerToken() {
      return 3 * wide;
    }
  }
}
