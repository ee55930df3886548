package org.tune4j.adapters.lora;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.BaseWeight;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
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
 * them; where there is a {@code lora_B.bias}, {@code [out]}, it is added to the product with {@code
 * B}.
 *
 * <p>Where the factors begin as a part of {@code W}, the base is without that part: its own
 * factors, which stay as they are, are taken off again.
 */
public class LoraAdapter extends LinearAdapter {
  static final String A = "lora_A.weight";
  static final String B = "lora_B.weight";
  static final String BIAS = "lora_B.bias";

  private final Linear linear;
  private final LoraConfig.Size size;
  private final double dropout;
  private final LoraInit init;
  private final boolean whole;
  private final Parameter a;
  private final Parameter b;
  private final @Nullable Parameter bias;
  private volatile @Nullable Factors taken;

  LoraAdapter(Linear linear, LoraConfig.Size size, LoraConfig config) {
    this.linear = linear;
    this.size = size;
    dropout = config.dropout();
    init = config.variant().init();
    whole = config.variant().whole();
    DType dtype = linear.adapterDtype();
    a = add("lora_A", new Linear(linear.in(), size.rank(), dtype)).weight();
    Linear up =
        add("lora_B", new Linear(size.rank(), linear.out(), dtype, config.variant().bias()));
    b = up.weight().markOutputFactor();
    bias = up.ownParameters().get("bias");
  }

  /** {@return what {@code B A} is multiplied by} */
  public final double scale() {
    return size.scale();
  }

  /** The linear that it changes. */
  final Linear linear() {
    return linear;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    return base.biased(pass, product(pass, x, base));
  }

  /** The adapted product, without the linear's bias. */
  final Tensor product(Pass pass, Tensor x, BaseLinear base) {
    Operations ops = pass.engine().operations();
    Factors own = taken;
    Tensor down = pass.value(a, x.dtype());
    Tensor up = pass.value(b, x.dtype());
    if (own != null) {
      down = Tensor.cat(List.of(down, in(own.down(), x.dtype())), 0);
      up = Tensor.cat(List.of(up, in(own.up().neg(), x.dtype())), 1);
    }
    Tensor result;
    if (base.weight() instanceof BaseWeight.Plain plain
        && plain.parameter().tensor().dtype() == x.dtype()
        && !drops(pass)) {
      result = ops.loraLinear(x, pass.value(plain.parameter()), down, up, size.scale());
    } else {
      Tensor product = base.product(pass, x);
      Tensor in = drops(pass) ? ops.dropout(x, dropout, pass.nextDropoutSeed()) : x;
      result = product.add(ops.linear(ops.linear(in, down), up).mul(size.scale()));
    }
    return bias == null ? result : result.add(pass.value(bias, x.dtype()).mul(size.scale()));
  }

  @Override
  public Map<String, Tensor> finished() {
    Map<String, Tensor> values = super.finished();
    Factors own = taken;
    if (whole && own != null) {
      values.put(A, Tensor.cat(List.of(a.tensor(), in(own.down(), a.dtype())), 0));
      values.put(B, Tensor.cat(List.of(b.tensor(), in(own.up().neg(), b.dtype())), 1));
    }
    return values;
  }

  private static Tensor in(Tensor t, DType dtype) {
    return t.dtype() == dtype ? t : t.cast(dtype);
  }

  private boolean drops(Pass pass) {
    return pass.training() && dropout > 0;
  }

  /**
   * {@code A} is of U(-1/sqrt(in), 1/sqrt(in)), {@code B} and the bias zero; or both are the part
   * of {@code W} that the initialisation takes.
   */
  @Override
  public void initialise(Engine engine, String path, long seed) {
    if (bias != null) {
      bias.set(engine.zeros(bias.dtype(), bias.shape()));
    }
    if (init.takesFromBase()) {
      derive(engine);
      Factors own = Objects.requireNonNull(taken);
      a.set(copy(own.down(), a));
      b.set(copy(own.up(), b));
      return;
    }
    a.set(uniform(engine, a, seed, path + "." + A));
    b.set(engine.zeros(b.dtype(), b.shape()));
  }

  /** Values of a down projection, of U(-1/sqrt(in), 1/sqrt(in)). */
  static Tensor uniform(Engine engine, Parameter down, long seed, String name) {
    double bound = 1 / Math.sqrt((double) down.shape().size(1));
    long own = seed;
    for (int i = 0; i < name.length(); i++) {
      own = RandomBits.bits(own, name.charAt(i));
    }
    return engine.operations().uniform(own, -bound, bound, down.dtype(), down.shape());
  }

  private static Tensor copy(Tensor values, Parameter of) {
    Tensor own = values.engine().zeros(of.dtype(), of.shape());
    own.copyFrom(in(values, of.dtype()));
    return own;
  }

  @Override
  public void derive(Engine engine) {
    if (init.takesFromBase()) {
      taken = init.factors(engine, linear.weight().tensor(), size);
    }
  }

  @Override
  public boolean changes(String parameter) {
    return parameter.equals("weight") || (parameter.equals("bias") && bias != null);
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    if (bias != null && parameter.equals("bias")) {
      return value.add(Merge.wide(bias.tensor()).mul(size.scale()));
    }
    return value.add(update(value.engine()));
  }

  /** A bias can only be merged into one. */
  @Override
  public Optional<String> unmergeable() {
    return bias != null && !linear.ownParameters().containsKey("bias")
        ? Optional.of(
            "it has a lora_bias, the linear no bias; set save_adapter_weights_only=true and use the adapter as it is")
        : Optional.empty();
  }

  private Tensor update(Engine engine) {
    return update(engine, 0, linear.out());
  }

  /** Some rows of {@code scale B A}, {@code [rows, in]}, without what the base lacks. */
  final Tensor update(Engine engine, long from, long rows) {
    Factors own = taken;
    Tensor all = product(engine, Merge.wide(a.tensor()), Merge.wide(b.tensor()), from, rows);
    return (own == null ? all : all.sub(product(engine, own.down(), own.up(), from, rows)))
        .mul(size.scale());
  }

  private static Tensor product(Engine engine, Tensor down, Tensor up, long from, long rows) {
    return engine.operations().linear(up.narrow(0, from, rows), down.transpose(0, 1));
  }

  /** {@code x A^T} and, where elements are dropped, the mask and the input that is left. */
  @Override
  public long keptPerToken() {
    return (init.takesFromBase() ? 2L : 1L) * size.rank()
        + (dropout > 0 ? 2 * a.shape().size(1) : 0);
  }

  @Override
  public Optional<String> explain(String parameter, Shape found) {
    int dimension = parameter.equals(A) ? 0 : 1;
    return found.rank() == 2 && found.size(dimension) != size.rank()
        ? Optional.of(
            "has rank %d, the model's %d; set lora_rank=%d"
                .formatted(found.size(dimension), size.rank(), found.size(dimension)))
        : Optional.empty();
  }

  @Override
  protected String details() {
    return "rank=%d, alpha=%s, dropout=%s".formatted(size.rank(), size.alpha(), dropout);
  }
}
