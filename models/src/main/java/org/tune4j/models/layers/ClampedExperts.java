package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * The experts of gpt-oss (OpenAI 2025): all weights in one tensor each, gate and up in turns, both
 * clamped, {@code (up + 1) gate sigmoid(alpha gate)}.
 */
public final class ClampedExperts extends Experts {
  private final Parameter gateUp;
  private final Parameter gateUpBias;
  private final Parameter down;
  private final Parameter downBias;
  private final double alpha;
  private final double limit;

  /**
   * Experts without storage.
   *
   * @param count how many there are
   * @param dim width of the residual stream
   * @param wide width between the products
   * @param alpha of the sigmoid
   * @param limit of the gate from above, and of what it multiplies on both sides
   * @param dtype of the weights
   */
  public ClampedExperts(int count, long dim, long wide, double alpha, double limit, DType dtype) {
    super(count, dim, wide, dtype);
    gateUp = add(new Parameter("gate_up_proj", Shape.of(count, dim, 2 * wide), dtype, true));
    gateUpBias = add(new Parameter("gate_up_proj_bias", Shape.of(count, 2 * wide), dtype, true));
    down = add(new Parameter("down_proj", Shape.of(count, wide, dim), dtype, true));
    downBias = add(new Parameter("down_proj_bias", Shape.of(count, dim), dtype, true));
    this.alpha = alpha;
    this.limit = limit;
  }

  @Override
  public Tensor forward(Pass pass, int expert, Tensor x) {
    Tensor product = x.matmul(of(pass, gateUp, expert, x));
    Tensor both =
        adapted(pass, Weight.GATE_UP, expert, x, product).add(of(pass, gateUpBias, expert, x));
    long wide = both.size(1) / 2;
    Tensor pairs = both.reshape(both.size(0), wide, 2);
    Tensor gate = below(pairs.narrow(2, 0, 1).reshape(both.size(0), wide), limit);
    Tensor up = pairs.narrow(2, 1, 1).reshape(both.size(0), wide);
    Tensor clamped = below(below(up, limit).neg(), limit).neg();
    Tensor mixed = gate.mul(gate.mul(alpha).sigmoid()).mul(clamped.add(1));
    Tensor out = mixed.matmul(of(pass, down, expert, x));
    return adapted(pass, Weight.DOWN, expert, mixed, out).add(of(pass, downBias, expert, x));
  }

  private static Tensor of(Pass pass, Parameter all, int expert, Tensor like) {
    Tensor one = pass.value(all).narrow(0, expert, 1);
    Tensor flat =
        all.shape().rank() == 3
            ? one.reshape(all.shape().size(1), all.shape().size(2))
            : one.reshape(all.shape().size(1));
    return flat.dtype() == like.dtype() ? flat : flat.cast(like.dtype());
  }

  /** The least of an element and a limit: 1 and 0 choose, so large is the slope of the sigmoid. */
  private static Tensor below(Tensor x, double limit) {
    Tensor under = x.detach().add(-limit).mul(-1e30).sigmoid();
    return x.mul(under).add(under.neg().add(1).mul(limit));
  }

  @Override
  public Optional<Weight> weightOf(String parameter) {
    return Arrays.stream(Weight.values()).filter(w -> w.parameter().equals(parameter)).findFirst();
  }

  /** The weights are stored as {@code [experts, in, out]}. */
  @Override
  public Tensor change(String parameter, Change change) {
    Weight weight = weightOf(parameter).orElseThrow();
    List<Tensor> all = new ArrayList<>();
    for (int expert = 0; expert < count(); expert++) {
      all.add(change.of(weight, expert).transpose(0, 1).reshape(1, in(weight), out(weight)));
    }
    return Tensor.cat(all, 0);
  }

  @Override
  public long keptPerToken() {
    return 8 * down.shape().size(1) + keptByAdapters();
  }
}
