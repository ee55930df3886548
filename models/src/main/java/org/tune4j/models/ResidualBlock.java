package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Mixer;
import org.tune4j.models.layers.Mlp;
import org.tune4j.models.layers.Norm;
import org.tune4j.models.layers.Product;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Attention, or another mixer of tokens, and an MLP, each added to the residual stream, with norms
 * before and behind each of them as the family has it: {@code x + after(f(before(x)))}.
 */
public final class ResidualBlock extends DecoderBlock {
  private final AttentionShape shape;
  private final Mixer mixer;
  private final Mlp mlp;
  private final @Nullable Norm beforeAttention;
  private final @Nullable Norm afterAttention;
  private final @Nullable Norm beforeMlp;
  private final @Nullable Norm afterMlp;
  private final boolean parallel;
  private final double residual;
  private final long dim;

  private ResidualBlock(Builder b) {
    shape = b.shape;
    dim = b.dim;
    mixer = add(b.mixerName, Objects.requireNonNull(b.mixer));
    mlp = add(b.mlpName, Objects.requireNonNull(b.mlp));
    beforeAttention = norm(b, b.beforeAttention);
    afterAttention = norm(b, b.afterAttention);
    beforeMlp = norm(b, b.beforeMlp);
    afterMlp = norm(b, b.afterMlp);
    parallel = b.parallel;
    residual = b.residual;
  }

  private @Nullable Norm norm(Builder b, @Nullable String name) {
    return name == null ? null : add(name, b.norms.get());
  }

  /**
   * {@return a block's builder; without more it has no norms}
   *
   * @param shape of its attention
   * @param dim width of the residual stream
   * @param norms makes each norm
   */
  public static Builder builder(AttentionShape shape, long dim, Supplier<? extends Norm> norms) {
    return new Builder(shape, dim, norms);
  }

  /** What a block is made of. Used by one thread, for one block. */
  public static final class Builder {
    private final AttentionShape shape;
    private final long dim;
    private final Supplier<? extends Norm> norms;
    private String mixerName = "self_attn";
    private @Nullable Mixer mixer;
    private String mlpName = "mlp";
    private @Nullable Mlp mlp;
    private @Nullable String beforeAttention;
    private @Nullable String afterAttention;
    private @Nullable String beforeMlp;
    private @Nullable String afterMlp;
    private boolean parallel;
    private double residual = 1;

    private Builder(AttentionShape shape, long dim, Supplier<? extends Norm> norms) {
      this.shape = shape;
      this.dim = dim;
      this.norms = norms;
    }

    /**
     * {@return this, with attention called {@code self_attn}}
     *
     * @param attention of the block's shape
     */
    public Builder attention(Attention attention) {
      return mixer("self_attn", attention);
    }

    /**
     * {@return this}
     *
     * @param name of the mixer in the block
     * @param mixer of the block's width
     */
    public Builder mixer(String name, Mixer mixer) {
      mixerName = name;
      this.mixer = mixer;
      return this;
    }

    /**
     * {@return this, with an MLP called {@code mlp}}
     *
     * @param mlp of the block's width
     */
    public Builder mlp(Mlp mlp) {
      return mlp("mlp", mlp);
    }

    /**
     * {@return this}
     *
     * @param name of the MLP in the block
     * @param mlp of the block's width
     */
    public Builder mlp(String name, Mlp mlp) {
      mlpName = name;
      this.mlp = mlp;
      return this;
    }

    /**
     * {@return this, with norms of the inputs}
     *
     * @param attention the name of the norm before attention
     * @param mlp the name of the one before the MLP; null where both take the same
     */
    public Builder normsBefore(String attention, @Nullable String mlp) {
      beforeAttention = attention;
      beforeMlp = mlp;
      return this;
    }

    /**
     * {@return this, with norms of the outputs}
     *
     * @param attention the name of the norm behind attention
     * @param mlp the name of the one behind the MLP
     */
    public Builder normsBehind(String attention, String mlp) {
      afterAttention = attention;
      afterMlp = mlp;
      return this;
    }

    /** {@return this, with attention and the MLP of the same normed input} */
    public Builder parallel() {
      parallel = true;
      return this;
    }

    /**
     * {@return this}
     *
     * @param factor of what is added to the residual stream
     */
    public Builder residual(double factor) {
      residual = factor;
      return this;
    }

    /** {@return the block, without storage} */
    public ResidualBlock build() {
      return new ResidualBlock(this);
    }
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    try (TensorScope scope = pass.engine().openScope()) {
      if (parallel) {
        Tensor normed = normed(pass, beforeAttention, x);
        Tensor mixed = mixer.forward(pass, normed, context);
        return scope.moveOut(x.add(mixed).add(mlp.forward(pass, normed)));
      }
      Tensor middle;
      try (TensorScope inner = pass.engine().openScope()) {
        Tensor mixed = mixer.forward(pass, normed(pass, beforeAttention, x), context);
        middle = inner.moveOut(added(x, normed(pass, afterAttention, mixed)));
      }
      Tensor stream = pass.fork(middle);
      Tensor changed = mlp.forward(pass, normed(pass, beforeMlp, stream));
      return scope.moveOut(added(stream, normed(pass, afterMlp, changed)));
    }
  }

  private static Tensor normed(Pass pass, @Nullable Norm norm, Tensor x) {
    return norm == null ? x : norm.forward(pass, x);
  }

  private Tensor added(Tensor stream, Tensor branch) {
    return stream.add(residual == 1 ? branch : branch.mul(residual));
  }

  @Override
  public AttentionShape attentionShape() {
    return shape;
  }

  @Override
  public List<Product> products() {
    List<Product> products = new ArrayList<>(mixer.products());
    products.addAll(mlp.products());
    return products;
  }

  /** The norms' inputs are kept widened, and normed where the norms' own weights are trained. */
  @Override
  public long keptPerToken(DType dtype) {
    List<Norm> norms =
        Stream.of(beforeAttention, afterAttention, beforeMlp, afterMlp)
            .filter(Objects::nonNull)
            .toList();
    boolean trained =
        norms.stream()
            .flatMap(n -> n.parameters().values().stream())
            .anyMatch(Parameter::trainable);
    return norms.size()
            * dim
            * (Math.max(DType.FP32.bytes(), dtype.bytes()) + (trained ? dtype.bytes() : 0))
        + (mixer.keptPerToken() + mlp.keptPerToken()) * dtype.bytes();
  }
}
