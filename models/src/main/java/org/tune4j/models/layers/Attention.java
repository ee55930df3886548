package org.tune4j.models.layers;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Causal self-attention with grouped queries and rotary positions. */
public final class Attention extends Mixer {
  private final AttentionShape shape;
  private final double scale;
  private final double softCap;
  private final boolean gated;
  private final Branches qkvProj;
  private final @Nullable HeadNorm qNorm;
  private final @Nullable HeadNorm kNorm;
  private final @Nullable Norm vNorm;
  private final boolean normsRotated;
  private final boolean valuesOfKeys;
  private final boolean sharesKeys;
  private final @Nullable Parameter sinks;
  private final Linear oProj;

  /**
   * Attention without storage, named as Llama's.
   *
   * @param shape of its heads
   * @param dim width of the residual stream
   * @param dtype of the weights
   */
  public Attention(AttentionShape shape, long dim, DType dtype) {
    this(builder(shape, dim, dtype));
  }

  private Attention(Builder b) {
    shape = b.shape;
    scale = b.scale;
    softCap = b.softCap;
    gated = b.gated;
    long q = shape.queryDim();
    long kv = shape.kvDim();
    valuesOfKeys = b.valuesOfKeys;
    sharesKeys = b.sharesKeys;
    if (b.fused == null) {
      List<Linear> linears = new ArrayList<>();
      linears.add(add("q_proj", new Linear(b.dim, gated ? 2 * q : q, b.dtype, b.qkvBias)));
      if (!sharesKeys) {
        linears.add(add("k_proj", new Linear(b.dim, kv, b.dtype, b.qkvBias)));
      }
      if (!sharesKeys && !valuesOfKeys) {
        linears.add(add("v_proj", new Linear(b.dim, kv, b.dtype, b.qkvBias)));
      }
      qkvProj = new JoinedLinear(linears.toArray(Linear[]::new));
    } else {
      Linear all = add(b.fused, new Linear(b.dim, q + 2 * kv, b.dtype, b.qkvBias));
      qkvProj = new FusedLinear(all, q, kv, kv);
    }
    oProj = add(b.output, new Linear(q, b.dim, b.dtype, b.outputBias));
    qNorm = b.qNorm == null ? null : headNorm(b, b.qNorm, q);
    kNorm = b.kNorm == null || sharesKeys ? null : headNorm(b, b.kNorm, kv);
    vNorm = b.vNormEps == 0 ? null : RmsNorm.unscaled(shape.headDim(), b.vNormEps);
    normsRotated = b.normsRotated;
    sinks = b.sinks ? add(new Parameter("sinks", Shape.of(shape.numHeads()), b.dtype, true)) : null;
  }

  private HeadNorm headNorm(Builder b, String name, long width) {
    long dim = b.wholeNorms ? width : shape.headDim();
    return new HeadNorm(
        add(name, new RmsNorm(dim, b.normEps, b.normOffset, b.dtype)), b.wholeNorms);
  }

  /** A norm of each head, or of all of them together. */
  private record HeadNorm(Norm norm, boolean whole) {
    Tensor forward(Pass pass, Tensor x) {
      if (!whole) {
        return norm.forward(pass, x);
      }
      long n = x.size(0);
      return norm.forward(pass, x.reshape(n, -1)).reshape(n, x.size(1), x.size(2));
    }
  }

  /**
   * {@return what makes attention that is not quite Llama's}
   *
   * @param shape of its heads
   * @param dim width of the residual stream
   * @param dtype of the weights
   */
  public static Builder builder(AttentionShape shape, long dim, DType dtype) {
    return new Builder(shape, dim, dtype);
  }

  /** How attention differs from Llama's. Used by one thread, for one layer. */
  public static final class Builder {
    private final AttentionShape shape;
    private final long dim;
    private final DType dtype;
    private double scale;
    private double softCap;
    private @Nullable String fused;
    private String output = "o_proj";
    private boolean gated;
    private boolean qkvBias;
    private boolean outputBias;
    private @Nullable String qNorm;
    private @Nullable String kNorm;
    private boolean wholeNorms;
    private boolean normsRotated;
    private double normEps;
    private double normOffset;
    private double vNormEps;
    private boolean valuesOfKeys;
    private boolean sharesKeys;
    private boolean sinks;

    private Builder(AttentionShape shape, long dim, DType dtype) {
      this.shape = shape;
      this.dim = dim;
      this.dtype = dtype;
      scale = 1 / Math.sqrt((double) shape.headDim());
    }

    /**
     * {@return this}
     *
     * @param factor of the scores, instead of {@code 1 / sqrt(headDim)}
     */
    public Builder scale(double factor) {
      scale = factor;
      return this;
    }

    /**
     * {@return this}
     *
     * @param cap of the scores ({@link AttentionSpec#softCap}); 0 for none
     */
    public Builder softCap(double cap) {
      softCap = cap;
      return this;
    }

    /**
     * {@return this}
     *
     * @param qkv whether queries, keys and values have biases
     * @param output whether the output has one
     */
    public Builder biases(boolean qkv, boolean output) {
      qkvBias = qkv;
      outputBias = output;
      return this;
    }

    /**
     * {@return this, with queries, keys and values stored as one linear}
     *
     * @param name of that linear
     */
    public Builder fused(String name) {
      fused = name;
      return this;
    }

    /**
     * {@return this}
     *
     * @param name of the output's linear
     */
    public Builder output(String name) {
      output = name;
      return this;
    }

    /**
     * {@return this, with a gate behind each head's queries: what the head gives is multiplied by
     * its sigmoid}
     */
    public Builder gated() {
      gated = true;
      return this;
    }

    /**
     * {@return this, with a norm of the queries and one of the keys}
     *
     * @param q the first one's name
     * @param k the other's
     * @param eps added to the mean square
     * @param offset added to the weights
     */
    public Builder headNorms(String q, String k, double eps, double offset) {
      qNorm = q;
      kNorm = k;
      normEps = eps;
      normOffset = offset;
      return this;
    }

    /** {@return this, with those norms over all heads together} */
    public Builder normsOfAllHeads() {
      wholeNorms = true;
      return this;
    }

    /** {@return this, with those norms behind the rotation} */
    public Builder normsBehindRotation() {
      normsRotated = true;
      return this;
    }

    /**
     * {@return this, with a norm of each head's values, which has no weights}
     *
     * @param eps added to the mean square
     */
    public Builder valueNorm(double eps) {
      vNormEps = eps;
      return this;
    }

    /** {@return this, with values that are the keys before their norm, and no linear for them} */
    public Builder valuesOfKeys() {
      valuesOfKeys = true;
      return this;
    }

    /** {@return this, with the keys and values of a layer below ({@link AttentionContext})} */
    public Builder sharesKeys() {
      sharesKeys = true;
      return this;
    }

    /** {@return this, with a learnt score a head that weighs no value ({@code sinks})} */
    public Builder sinks() {
      sinks = true;
      return this;
    }

    /** {@return the attention, without storage} */
    public Attention build() {
      return new Attention(this);
    }
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    long n = x.size(0);
    int dim = shape.headDim();
    List<Tensor> qkv = qkvProj.forward(pass, x);
    Tensor all = qkv.get(0).reshape(n, shape.numHeads(), gated ? 2 * dim : dim);
    Tensor q = gated ? all.narrow(2, 0, dim) : all;
    AttentionSpec<Tensor> spec =
        new AttentionSpec<>(
            scale, shape.window(), softCap, sinks == null ? null : pass.value(sinks, q.dtype()));
    Tensor mixed =
        sharesKeys
            ? context.attendShared(shape.rotary().arrange(normed(pass, qNorm, q)), spec)
            : attend(pass, q, qkv, context, spec);
    return oProj.forward(
        pass,
        gated ? mixed.mul(all.narrow(2, dim, dim).reshape(n, shape.queryDim()).sigmoid()) : mixed);
  }

  private Tensor attend(
      Pass pass, Tensor q, List<Tensor> qkv, AttentionContext context, AttentionSpec<Tensor> spec) {
    long n = q.size(0);
    int dim = shape.headDim();
    Tensor k = qkv.get(1).reshape(n, shape.numKvHeads(), dim);
    Tensor plain = valuesOfKeys ? k : qkv.get(2).reshape(n, shape.numKvHeads(), dim);
    Tensor v = vNorm == null ? plain : vNorm.forward(pass, plain);
    if (normsRotated) {
      Tensor turnedQ = context.rotate(shape.rotary().arrange(q));
      Tensor turnedK = context.rotate(shape.rotary().arrange(k));
      return context.attendRotated(
          normed(pass, qNorm, turnedQ), normed(pass, kNorm, turnedK), v, spec);
    }
    Tensor normedQ = shape.rotary().arrange(normed(pass, qNorm, q));
    Tensor normedK = shape.rotary().arrange(normed(pass, kNorm, k));
    return context.attend(normedQ, normedK, v, spec);
  }

  private static Tensor normed(Pass pass, @Nullable HeadNorm norm, Tensor x) {
    return norm == null ? x : norm.forward(pass, x);
  }

  /** Queries, keys and values at once, and the output. */
  @Override
  public List<Product> products() {
    return List.of(qkvProj, oProj);
  }

  /** Inputs of trained linears, queries, keys, values, what norms of the heads and gates keep. */
  @Override
  public long keptPerToken() {
    long kv = sharesKeys ? 0 : shape.kvDim();
    long normed = qNorm == null ? 0 : 2 * (shape.queryDim() + kv);
    long gates = gated ? 3 * shape.queryDim() : 0;
    return shape.queryDim()
        + (vNorm == null ? 2 : 4) * kv
        + normed
        + gates
        + qkvProj.keptPerToken()
        + oProj.keptPerToken();
  }
}
