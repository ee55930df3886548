package org.tune4j.adapters.lora;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.ExpertsAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/**
 * Low-rank updates of experts' weights, PEFT's {@code target_parameters}. The factors of all
 * experts lie in one pair a weight: {@code lora_A.weight} is {@code [experts * rank, in]}, an
 * expert's rows one after the other, {@code lora_B.weight} {@code [out, rank * experts]}, an
 * expert's columns {@code experts} apart. Where both weights are adapted, PEFT wraps one in the
 * other: {@code gate_up_proj}'s pair lies below {@code base_layer}.
 */
final class LoraExperts extends ExpertsAdapter {
  static final String INNER = "base_layer";

  private final Experts experts;
  private final LoraConfig.Size size;
  private final Map<Experts.Weight, Pair> pairs = new EnumMap<>(Experts.Weight.class);

  /** The factors of one weight. */
  private static final class Pair extends Module {
    private final Parameter a;
    private final Parameter b;
    private final Module down;
    private final Module up;

    Pair(long in, long rank, long out, DType dtype) {
      Linear down = new Linear(in, rank, dtype);
      Linear up = new Linear(rank, out, dtype);
      this.down = add("lora_A", down);
      this.up = add("lora_B", up);
      a = down.weight();
      b = up.weight().markOutputFactor();
    }
  }

  LoraExperts(Experts experts, Set<Experts.Weight> weights, LoraConfig.Size size) {
    this.experts = experts;
    this.size = size;
    long rank = (long) size.rank() * experts.count();
    for (Experts.Weight weight : Experts.Weight.values()) {
      if (weights.contains(weight)) {
        Pair pair = new Pair(experts.in(weight), rank, experts.out(weight), experts.adapterDtype());
        pairs.put(weight, pair);
        if (weights.size() > 1 && weight == Experts.Weight.GATE_UP) {
          add(INNER, pair);
        } else {
          add("lora_A", pair.down);
          add("lora_B", pair.up);
        }
      }
    }
  }

  @Override
  public boolean adapts(Experts.Weight weight) {
    return pairs.containsKey(weight);
  }

  @Override
  public Tensor adapt(Pass pass, Experts.Weight weight, int expert, Tensor x, Tensor product) {
    Operations ops = pass.engine().operations();
    Pair pair = pair(weight);
    Tensor down = down(pass.value(pair.a, x.dtype()), expert);
    Tensor up = up(pass.value(pair.b, x.dtype()), expert);
    return product.add(ops.linear(ops.linear(x, down), up).mul(size.scale()));
  }

  private Pair pair(Experts.Weight weight) {
    return Objects.requireNonNull(pairs.get(weight));
  }

  private Tensor down(Tensor all, int expert) {
    return all.narrow(0, (long) expert * size.rank(), size.rank());
  }

  private Tensor up(Tensor all, int expert) {
    return all.reshape(all.size(0), size.rank(), experts.count())
        .narrow(2, expert, 1)
        .reshape(all.size(0), size.rank());
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    pairs.forEach(
        (weight, pair) -> {
          String name = path + "." + weight.parameter() + "." + LoraAdapter.A;
          pair.a.set(LoraAdapter.uniform(engine, pair.a, seed, name));
          pair.b.set(engine.zeros(pair.b.dtype(), pair.b.shape()));
        });
  }

  @Override
  public boolean changes(String parameter) {
    return experts.weightOf(parameter).filter(this::adapts).isPresent();
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    Operations ops = value.engine().operations();
    return value.add(
        experts.change(
            parameter,
            (weight, expert) -> {
              Tensor down = down(Merge.wide(pair(weight).a.tensor()), expert);
              Tensor up = up(Merge.wide(pair(weight).b.tensor()), expert);
              return ops.linear(up, down.transpose(0, 1)).mul(size.scale());
            }));
  }

  @Override
  public long keptPerToken() {
    return (long) pairs.size() * size.rank();
  }

  @Override
  protected String details() {
    return "rank=%d, alpha=%s".formatted(size.rank(), size.alpha());
  }
}
