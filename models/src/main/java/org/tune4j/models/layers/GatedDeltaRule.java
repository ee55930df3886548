package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * The gated delta rule (Yang et al. 2024): a token's key reads its value from a fading state, which
 * is then corrected towards the token's own value, {@code S <- e^g S + k beta (v - k^T e^g S)^T}. A
 * chunk's corrections depend on each other, which is one triangular system.
 */
public final class GatedDeltaRule extends Mixer {
  private static final double L2_EPS = 1e-6;

  private final Heads heads;
  private final Activation activation;
  private final Branches inProj;
  private final CausalConvolution conv;
  private final Parameter dtBias;
  private final Parameter logA;
  private final Norm norm;
  private final Linear outProj;

  /**
   * Sizes.
   *
   * @param keys heads of queries and keys
   * @param values heads of values, a multiple of {@code keys}
   * @param keyDim width of a query's or key's head
   * @param valueDim width of a value's head
   */
  public record Heads(int keys, int values, int keyDim, int valueDim) {
    long keysWidth() {
      return (long) keys * keyDim;
    }

    long valuesWidth() {
      return (long) values * valueDim;
    }

    long convolved() {
      return 2 * keysWidth() + valuesWidth();
    }

    long stateSize() {
      return valuesWidth() * keyDim;
    }
  }

  /**
   * A layer without storage, named as Qwen 3.5's.
   *
   * @param heads of the layer
   * @param dim width of the residual stream
   * @param kernel of the convolution; 2 or more
   * @param activation behind the convolution
   * @param eps of the norm of each head
   * @param dtype of the weights
   */
  public GatedDeltaRule(
      Heads heads, long dim, int kernel, Activation activation, double eps, DType dtype) {
    this.heads = heads;
    this.activation = activation;
    conv = add("conv1d", new CausalConvolution(heads.convolved(), kernel, false, dtype));
    dtBias = add(new Parameter("dt_bias", Shape.of(heads.values), dtype, true));
    logA = add(new Parameter("A_log", Shape.of(heads.values), dtype, true));
    norm = add("norm", new RmsNorm(heads.valueDim, eps, dtype));
    outProj = add("out_proj", new Linear(heads.valuesWidth(), dim, dtype));
    inProj =
        new JoinedLinear(
            add("in_proj_qkv", new Linear(dim, heads.convolved(), dtype)),
            add("in_proj_z", new Linear(dim, heads.valuesWidth(), dtype)),
            add("in_proj_b", new Linear(dim, heads.values, dtype)),
            add("in_proj_a", new Linear(dim, heads.values, dtype)));
  }

  /** One pass's way over rows: all between the projections, which is computed again in backward. */
  private final class Rows implements Scan {
    private final Pass pass;
    private final DType dtype;

    Rows(Pass pass, DType dtype) {
      this.pass = pass;
      this.dtype = dtype;
    }

    @Override
    public int chunk() {
      return Decay.CHUNK;
    }

    @Override
    public List<Tensor> begin() {
      DType wide = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
      Shape state = Shape.of(heads.values, heads.keyDim, heads.valueDim);
      return List.of(conv.begin(pass, dtype), pass.engine().zeros(wide, state));
    }

    @Override
    public Chunk next(Tensor all, List<Tensor> state) {
      Tensor qkv = all.narrow(1, 0, heads.convolved());
      Tensor z = all.narrow(1, heads.convolved(), heads.valuesWidth());
      Tensor b = all.narrow(1, heads.convolved() + heads.valuesWidth(), heads.values);
      Tensor a = all.narrow(1, all.size(1) - heads.values, heads.values);
      CausalConvolution.Convolved convolved = conv.next(pass, qkv, state.get(0));
      Tensor mixed = Decay.wide(activation.of(convolved.output()));
      long width = heads.keysWidth();
      Tensor q = unit(mixed.narrow(1, 0, width)).mul(1 / Math.sqrt((double) heads.keyDim));
      Tensor k = unit(mixed.narrow(1, width, width));
      Tensor v =
          Decay.heads(mixed.narrow(1, 2 * width, heads.valuesWidth()), heads.values, heads.values);
      Tensor beta = Decay.heads(Decay.wide(b.sigmoid()), heads.values, heads.values);
      Tensor before = state.get(1);
      Decay decay = Decay.of(pass.engine(), rates(Decay.wide(a)));
      Tensor system = k.matmul(k.transpose(1, 2)).mul(decay.pairs()).mul(beta);
      Tensor errors = v.sub(k.matmul(before).mul(decay.before())).mul(beta);
      Tensor corrections = pass.engine().operations().solveUnitLower(system, errors);
      Tensor read = decay.read(q, k, corrections, before);
      return new Chunk(
          gated(read, z), List.of(convolved.state(), decay.next(k, corrections, before)));
    }

    /** Of length 1, for all value heads, {@code [values, n, keyDim]}. */
    private Tensor unit(Tensor x) {
      Tensor each = x.reshape(x.size(0), heads.keys, heads.keyDim);
      Tensor length = each.mul(each).sum(-1).add(L2_EPS).sqrt();
      return Decay.heads(each.div(length).reshape(x.size(0), -1), heads.keys, heads.values);
    }

    /** The logarithms of what is left of the state at each token. */
    private Tensor rates(Tensor a) {
      Tensor speed = Decay.wide(pass.value(logA, a.dtype())).exp().neg();
      return Decay.softplus(a.add(Decay.wide(pass.value(dtBias, a.dtype())))).mul(speed);
    }

    private Tensor gated(Tensor read, Tensor z) {
      Tensor rows = Decay.tokens(read).reshape(-1, heads.valueDim);
      Tensor narrow = rows.dtype() == dtype ? rows : rows.cast(dtype);
      Tensor normed = norm.forward(pass, narrow).reshape(z.shape().toArray());
      return pass.engine().operations().swiGlu(z, normed);
    }
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    // One input: the projections have their own in common, whose graph is gone through once.
    Tensor all = Tensor.cat(inProj.forward(pass, x), 1);
    return outProj.forward(pass, context.scan(pass, new Rows(pass, x.dtype()), all));
  }

  @Override
  public List<Product> products() {
    return List.of(inProj, outProj);
  }

  /** Inputs of trained linears and of the recurrence, and a state a chunk. */
  @Override
  public long keptPerToken() {
    long inputs = heads.convolved() + heads.valuesWidth() + 2L * heads.values;
    long states = (heads.stateSize() + conv.stateSize()) / Decay.CHUNK;
    return inputs + states + inProj.keptPerToken() + outProj.keptPerToken();
  }
}
