package org.tune4j.adapters.lora;

import java.util.Optional;
import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.layers.BaseWeight;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * A low-rank update: {@code x W^T + scale dropout(x) A^T B^T} (Hu et al. 2021, section 4.1). {@code
 * lora_A.weight} is {@code [rank, in]} and {@code lora_B.weight} {@code [out, rank]}, as PEFT names
 * them.
 */
public final class LoraAdapter extends Adapter {
  static final String A = "lora_A.weight";
  static final String B = "lora_B.weight";

  private final Parameter a;
  private final Parameter b;
  private final int rank;
  private final double alpha;
  private final double scale;
  private final double dropout;

  LoraAdapter(Linear linear, int rank, double alpha, double scale, double dropout) {
    this.rank = rank;
    this.alpha = alpha;
    this.scale = scale;
    this.dropout = dropout;
    DType dtype = linear.dtype();
    a = add("lora_A", new Linear(linear.in(), rank, dtype)).weight();
    b = add("lora_B", new Linear(rank, linear.out(), dtype)).weight();
  }

  /** {@return what {@code B A} is multiplied by} */
  public double scale() {
    return scale;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseWeight base) {
    return base instanceof BaseWeight.Plain plain
            && plain.parameter().dtype() == x.dtype()
            && !drops(pass)
        ? pass.engine()
            .operations()
            .loraLinear(x, pass.value(plain.parameter()), pass.value(a), pass.value(b), scale)
        : super.forward(pass, x, base);
  }

  @Override
  public Tensor adapt(Pass pass, Tensor x, Tensor product) {
    Operations ops = pass.engine().operations();
    Tensor down = pass.value(a);
    Tensor up = pass.value(b);
    Tensor in = drops(pass) ? ops.dropout(x, dropout, pass.nextDropoutSeed()) : x;
    return product.add(ops.linear(ops.linear(in, down), up).mul(scale));
  }

  private boolean drops(Pass pass) {
    return pass.training() && dropout > 0;
  }

  /** {@code A} is of U(-1/sqrt(in), 1/sqrt(in)), {@code B} zero. */
  @Override
  public void initialise(Engine engine, String path, long seed) {
    double bound = 1 / Math.sqrt((double) a.shape().size(1));
    long own = seedOf(seed, path + "." + A);
    a.set(engine.operations().uniform(own, -bound, bound, a.dtype(), a.shape()));
    b.set(engine.zeros(b.dtype(), b.shape()));
  }

  private static long seedOf(long seed, String name) {
    long h = seed;
    for (int i = 0; i < name.length(); i++) {
      h = RandomBits.bits(h, name.charAt(i));
    }
    return h;
  }

  @Override
  public Tensor merge(Tensor weight) {
    return weight.add(update(weight.engine()));
  }

  @Override
  public Tensor unmerge(Tensor merged) {
    return merged.sub(update(merged.engine()));
  }

  /** {@code scale B A}, {@code [out, in]}. */
  private Tensor update(Engine engine) {
    Tensor down = Merge.wide(a.tensor());
    Tensor up = Merge.wide(b.tensor());
    return engine.operations().linear(up, down.transpose(0, 1)).mul(scale);
  }

  /** {@code x A^T} and, where elements are dropped, the mask and the input that is left. */
  @Override
  public long keptPerToken() {
    return rank + (dropout > 0 ? 2 * a.shape().size(1) : 0);
  }

  @Override
  public Optional<String> explain(String parameter, Shape found) {
    int dimension = parameter.equals(A) ? 0 : 1;
    return found.rank() == 2 && found.size(dimension) != rank
        ? Optional.of(
            "has rank %d, the model's %d; set lora_rank=%d"
                .formatted(found.size(dimension), rank, found.size(dimension)))
        : Optional.empty();
  }

  @Override
  protected String details() {
    return "rank=%d, alpha=%s, dropout=%s".formatted(rank, alpha, dropout);
  }
}
