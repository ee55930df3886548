package org.tune4j.models.layers;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
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
public abstract non-sealed class Experts extends Adaptable<ExpertsAdapter> {
  /** The weights as transformers holds them, those of all experts in one parameter each. */
  public enum Weight {
    /** Gate and up. */
    GATE_UP("gate_up_proj"),
    /** The output. */
    DOWN("down_proj");

    private final String parameter;

    Weight(String parameter) {
      this.parameter = parameter;
    }

    /** {@return the parameter's name in transformers} */
    public String parameter() {
      return parameter;
    }
  }

  /** Gives the change of an expert's weight, {@code [out, in]}. */
  @FunctionalInterface
  public interface Change {
    /**
     * {@return the change}
     *
     * @param weight of all experts
     * @param expert from 0
     */
    Tensor of(Weight weight, int expert);
  }

  private final int count;
  private final long dim;
  private final long wide;

  /**
   * Experts without storage.
   *
   * @param count how many there are
   * @param dim width of the residual stream
   * @param wide width between the products
   * @param dtype of the weights
   */
  protected Experts(int count, long dim, long wide, DType dtype) {
    super(dtype);
    this.count = count;
    this.dim = dim;
    this.wide = wide;
  }

  /** {@return how many there are} */
  public final int count() {
    return count;
  }

  /**
   * {@return the last dimension of what a weight takes}
   *
   * @param weight one of them
   */
  public final long in(Weight weight) {
    return weight == Weight.GATE_UP ? dim : wide;
  }

  /**
   * {@return the last dimension of what a weight gives}
   *
   * @param weight one of them
   */
  public final long out(Weight weight) {
    return weight == Weight.GATE_UP ? 2 * wide : dim;
  }

  /**
   * {@return one expert's MLP of the tokens that chose it, {@code [m, dim]}, owned by the calling
   * thread's scope}
   *
   * @param pass of the calling thread
   * @param expert from 0
   * @param x {@code [m, dim]}
   */
  public abstract Tensor forward(Pass pass, int expert, Tensor x);

  /**
   * {@return which weight lies in one of this module's parameters; empty for a bias}
   *
   * @param parameter its name below this module's path
   */
  public abstract Optional<Weight> weightOf(String parameter);

  /**
   * {@return the change of a parameter, in its shape}
   *
   * @param parameter of a weight, by its name below this module's path
   * @param change of each expert's weight
   */
  public abstract Tensor change(String parameter, Change change);

  /** {@return elements that a token keeps for backward in one expert} */
  public abstract long keptPerToken();

  /**
   * {@return a product with what an adapter changes, where one does}
   *
   * @param pass of the calling thread
   * @param weight that was multiplied with
   * @param expert from 0
   * @param x {@code [m, in]}
   * @param product {@code [m, out]}
   */
  protected final Tensor adapted(Pass pass, Weight weight, int expert, Tensor x, Tensor product) {
    ExpertsAdapter adapter = adapting(pass, weight);
    return adapter == null ? product : adapter.adapt(pass, weight, expert, x, product);
  }

  private @Nullable ExpertsAdapter adapting(Pass pass, Weight weight) {
    ExpertsAdapter adapter = adapterOf(pass);
    return adapter != null && adapter.adapts(weight) ? adapter : null;
  }

  /** A weight of an expert, {@code [out, in]}. */
  private static final class Own extends Module {
    private final Parameter weight;

    Own(long in, long out, DType dtype) {
      weight = add(new Parameter("weight", Shape.of(out, in), dtype, true));
    }

    Tensor product(Pass pass, Tensor x) {
      return pass.linear(x, weight);
    }
  }

  private static final class Expert extends Module {
    private final Own gate;
    private final Own up;
    private final Own down;

    Expert(Names names, long dim, long wide, DType dtype) {
      gate = add(names.gate, new Own(dim, wide, dtype));
      up = add(names.up, new Own(dim, wide, dtype));
      down = add(names.down, new Own(wide, dim, dtype));
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
    return new Gated(names, count, dim, wide, activation, dtype);
  }

  private static final class Gated extends Experts {
    private final Names names;
    private final List<Expert> experts;
    private final long wide;
    private final Activation activation;

    Gated(Names names, int count, long dim, long wide, Activation activation, DType dtype) {
      super(count, dim, wide, dtype);
      this.names = names;
      this.experts =
          IntStream.range(0, count).mapToObj(i -> new Expert(names, dim, wide, dtype)).toList();
      this.wide = wide;
      this.activation = activation;
      for (int i = 0; i < count; i++) {
        add(Integer.toString(i), experts.get(i));
      }
    }

    @Override
    public Tensor forward(Pass pass, int expert, Tensor x) {
      Expert e = experts.get(expert);
      Tensor in = pass.input(x);
      Tensor gate = e.gate.product(pass, in);
      Tensor up = e.up.product(pass, in);
      ExpertsAdapter adapter = super.adapting(pass, Weight.GATE_UP);
      if (adapter != null) {
        Tensor both =
            adapter.adapt(pass, Weight.GATE_UP, expert, in, Tensor.cat(List.of(gate, up), 1));
        gate = both.narrow(1, 0, wide);
        up = both.narrow(1, wide, wide);
      }
      Tensor mixed = pass.input(activation.gated(pass.engine().operations(), gate, up));
      return adapted(pass, Weight.DOWN, expert, mixed, e.down.product(pass, mixed));
    }

    @Override
    public Optional<Weight> weightOf(String parameter) {
      return Optional.of(matrix(parameter).equals(names.down) ? Weight.DOWN : Weight.GATE_UP);
    }

    @Override
    public Tensor change(String parameter, Change change) {
      String matrix = matrix(parameter);
      int expert = Integer.parseInt(parameter.substring(0, parameter.indexOf('.')));
      return matrix.equals(names.down)
          ? change.of(Weight.DOWN, expert)
          : change.of(Weight.GATE_UP, expert).narrow(0, matrix.equals(names.up) ? wide : 0, wide);
    }

    /** The name of an expert's matrix in a path such as {@code 3.up_proj.weight}. */
    private static String matrix(String parameter) {
      return parameter.split("\\.", -1)[1];
    }

    @Override
    public long keptPerToken() {
      return 3 * wide + keptByAdapters();
    }
  }
}
