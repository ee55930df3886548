package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/**
 * Mamba-2 (Dao and Gu 2024) with one group: {@code S <- e^(a dt) S + b (dt x)^T}, of which a token
 * reads {@code c^T S + D x}.
 */
public final class Mamba2 extends Mixer {
  private final Shape shape;
  private final Activation activation;
  private final Linear inProj;
  private final CausalConvolution conv;
  private final Parameter dtBias;
  private final Parameter logA;
  private final Parameter skip;
  private final Norm norm;
  private final Linear outProj;

  /**
   * What a layer is like.
   *
   * @param heads how many
   * @param headDim width of a head
   * @param state what a head holds of each of its elements
   * @param kernel of the convolution; 2 or more
   * @param convBias whether the convolution has a bias
   * @param bias whether the linears have biases
   */
  public record Shape(
      int heads, int headDim, int state, int kernel, boolean convBias, boolean bias) {
    long width() {
      return (long) heads * headDim;
    }

    long convolved() {
      return width() + 2L * state;
    }
  }

  /**
   * A layer without storage, named as Granite 4's.
   *
   * @param shape of the layer
   * @param dim width of the residual stream
   * @param activation behind the convolution
   * @param eps of the norm
   * @param dtype of the weights
   */
  public Mamba2(Shape shape, long dim, Activation activation, double eps, DType dtype) {
    this.shape = shape;
    this.activation = activation;
    long width = shape.width();
    long out = width + shape.convolved() + shape.heads;
    conv =
        add(
            "conv1d",
            new CausalConvolution(shape.convolved(), shape.kernel, shape.convBias, dtype));
    inProj = add("in_proj", new Linear(dim, out, dtype, shape.bias));
    dtBias = add(perHead("dt_bias", dtype));
    logA = add(perHead("A_log", dtype));
    norm = add("norm", new RmsNorm(width, eps, dtype));
    skip = add(perHead("D", dtype));
    outProj = add("out_proj", new Linear(width, dim, dtype, shape.bias));
  }

  private Parameter perHead(String name, DType dtype) {
    return new Parameter(name, org.tune4j.tensor.Shape.of(shape.heads), dtype, true);
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
      return List.of(
          conv.begin(pass, dtype),
          pass.engine()
              .zeros(wide, org.tune4j.tensor.Shape.of(shape.heads, shape.state, shape.headDim)));
    }

    @Override
    public Chunk next(Tensor all, List<Tensor> state) {
      long width = shape.width();
      CausalConvolution.Convolved convolved =
          conv.next(pass, all.narrow(1, width, shape.convolved()), state.get(0));
      Tensor mixed = Decay.wide(activation.of(convolved.output()));
      Tensor x = Decay.heads(mixed.narrow(1, 0, width), shape.heads, shape.heads);
      Tensor b = Decay.heads(mixed.narrow(1, width, shape.state), 1, shape.heads);
      Tensor c = Decay.heads(mixed.narrow(1, width + shape.state, shape.state), 1, shape.heads);
      Tensor raw = Decay.wide(all.narrow(1, width + shape.convolved(), shape.heads));
      Tensor dt = Decay.softplus(raw.add(value(dtBias, raw)));
      Decay decay = Decay.of(pass.engine(), dt.mul(value(logA, raw).exp().neg()));
      Tensor values = x.mul(Decay.heads(dt, shape.heads, shape.heads));
      Tensor kept = x.mul(value(skip, raw).reshape(shape.heads, 1, 1));
      Tensor read = decay.read(c, b, values, state.get(1)).add(kept);
      return new Chunk(
          gated(Decay.tokens(read), all.narrow(1, 0, width)),
          List.of(convolved.state(), decay.next(b, values, state.get(1))));
    }

    private Tensor value(Parameter p, Tensor like) {
      return Decay.wide(pass.value(p, like.dtype()));
    }

    private Tensor gated(Tensor read, Tensor gate) {
      Tensor mixed = pass.engine().operations().swiGlu(Decay.wide(gate), read);
      return norm.forward(pass, mixed.dtype() == dtype ? mixed : mixed.cast(dtype));
    }
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    Tensor all = inProj.forward(pass, x);
    return outProj.forward(pass, context.scan(pass, new Rows(pass, x.dtype()), all));
  }

  @Override
  public List<Product> products() {
    return List.of(inProj, outProj);
  }

  /** Inputs of trained linears and of the recurrence, and a state a chunk. */
  @Override
  public long keptPerToken() {
    long states = (shape.width() * shape.state + conv.stateSize()) / Decay.CHUNK;
    return inProj.out() + states + inProj.keptPerToken() + outProj.keptPerToken();
  }
}
