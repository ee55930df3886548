package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/**
 * LFM2's gated convolution (Liquid AI 2025): a token is projected to {@code b}, {@code c} and
 * {@code x}, and gives {@code out(c * conv(b * x))}.
 */
public final class ShortConvolution extends Mixer {
  /** Few chunks, and little to compute again at once. */
  private static final int CHUNK = 512;

  private final long dim;
  private final Linear inProj;
  private final CausalConvolution conv;
  private final Linear outProj;

  /**
   * A convolution without storage.
   *
   * @param dim width of the residual stream
   * @param kernel tokens that one depends on, itself included; 2 or more
   * @param bias whether linears and convolution have biases
   * @param dtype of the weights
   */
  public ShortConvolution(long dim, int kernel, boolean bias, DType dtype) {
    this.dim = dim;
    conv = add("conv", new CausalConvolution(dim, kernel, bias, dtype));
    inProj = add("in_proj", new Linear(dim, 3 * dim, dtype, bias));
    outProj = add("out_proj", new Linear(dim, dim, dtype, bias));
  }

  /** One pass's way over rows. */
  private final class Rows implements Scan {
    private final Pass pass;
    private final DType dtype;

    Rows(Pass pass, DType dtype) {
      this.pass = pass;
      this.dtype = dtype;
    }

    @Override
    public int chunk() {
      return CHUNK;
    }

    @Override
    public List<Tensor> begin() {
      return List.of(conv.begin(pass, dtype));
    }

    @Override
    public Chunk next(Tensor all, List<Tensor> state) {
      Tensor x = all.narrow(1, 0, dim).mul(all.narrow(1, 2 * dim, dim));
      CausalConvolution.Convolved mixed = conv.next(pass, x, state.get(0));
      return new Chunk(all.narrow(1, dim, dim).mul(mixed.output()), List.of(mixed.state()));
    }
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, AttentionContext context) {
    Tensor all = inProj.forward(pass, x);
    return outProj.forward(pass, context.scan(pass, new Rows(pass, all.dtype()), all));
  }

  @Override
  public List<Product> products() {
    return List.of(inProj, outProj);
  }

  /** Inputs of trained linears, and of the convolution with its gates. */
  @Override
  public long keptPerToken() {
    return 3 * dim + inProj.keptPerToken() + outProj.keptPerToken();
  }
}
