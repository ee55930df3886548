package org.tune4j.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;

/**
 * What transformers are made of, each with a default over the primitives and a backend's kernel
 * where it has one. All are differentiable but for {@link #adamW}.
 */
public final class Operations {
  private final Engine engine;
  private final Kernels kernels;
  private final LinearOperations linears;
  private final CrossEntropies crossEntropies;
  private final QuantisedOperations quantised;
  private final AttentionOperations attention;

  Operations(Engine engine, Kernels kernels) {
    this.engine = engine;
    this.kernels = kernels;
    this.linears = new LinearOperations(engine, kernels);
    this.crossEntropies = new CrossEntropies(engine, kernels);
    this.quantised = new QuantisedOperations(engine, kernels);
    this.attention = new AttentionOperations(engine, kernels, this);
  }

  static void fits(boolean ok, String op, Tensor... args) {
    if (!ok) {
      List<String> shapes = new ArrayList<>();
      for (Tensor t : args) {
        shapes.add(t.dtype() + " " + t.shape());
      }
      throw new IllegalArgumentException(
          "%s: %s do not fit".formatted(op, String.join(", ", shapes)));
    }
  }

  private Tensor result(TensorHandle h, Tensor like, long... sizes) {
    return engine.adopt(h, like.dtype(), Shape.of(sizes), like.device());
  }

  /**
   * {@return {@code x w^T}, {@code [n, out]}}
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}, of the same type
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor linear(Tensor x, Tensor w) {
    return linears.linear(x, w);
  }

  /**
   * {@return rows of a quantised tensor in fp32, {@code [rows, in]}}
   *
   * @param w {@code [out, in]}, quantised
   * @param from the first row
   * @param rows how many
   * @throws IllegalArgumentException when it is not quantised
   */
  public Tensor unpack(Tensor w, long from, long rows) {
    return quantised.unpack(w, from, rows);
  }

  /** Rows of an int8 tensor by index, in fp32. */
  Tensor unpack(Tensor w, Tensor indices) {
    return quantised.unpack(w, indices);
  }

  /**
   * {@link #linear(Tensor, Tensor)} with a frozen weight in a narrower type, or a quantised one,
   * which is widened where it is used. Records nothing for gradients.
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}, narrower than {@code x}
   * @return {@code x w^T}, {@code [n, out]}, in the type of {@code x}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor widenedLinear(Tensor x, Tensor w) {
    return linears.widenedLinear(x, w);
  }

  /**
   * The gradient of {@link #widenedLinear} at its input.
   *
   * @param gradient of the product, {@code [n, out]}
   * @param w {@code [out, in]}, narrower than the gradient
   * @return {@code gradient w}, {@code [n, in]}, in the type of the gradient
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor widenedLinearInput(Tensor gradient, Tensor w) {
    return linears.widenedLinearInput(gradient, w);
  }

  /**
   * Copies a frozen weight into the layout in which the backend multiplies with it fastest.
   *
   * @param w {@code [out, in]}
   * @return belongs to the innermost scope; empty where the backend has none for this type or
   *     device
   * @throws IllegalArgumentException when it has another rank
   */
  public Optional<PackedWeight> pack(Tensor w) {
    return linears.pack(w);
  }

  /**
   * {@link #linear(Tensor, Tensor)} with a packed weight; records nothing for gradients.
   *
   * @param x {@code [n, in]}
   * @param w of {@code [out, in]}, of the same type, packed by this engine
   * @return {@code x w^T}, {@code [n, out]}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor linear(Tensor x, PackedWeight w) {
    return linears.linear(x, w);
  }

  /**
   * Computes LoRA's linear, {@code x w^T + scale (x a^T) b^T} (Hu et al. 2021, section 4.1).
   *
   * @param x {@code [n, in]}
   * @param w {@code [out, in]}, frozen
   * @param a {@code [rank, in]}
   * @param b {@code [out, rank]}
   * @param scale {@code alpha / rank}
   * @return {@code [n, out]}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor loraLinear(Tensor x, Tensor w, Tensor a, Tensor b, double scale) {
    return linears.loraLinear(x, w, a, b, scale);
  }

  /**
   * {@code x / sqrt(mean(x^2) + eps)} in fp32 or wider, cast back, times {@code w} (Zhang and
   * Sennrich 2019).
   *
   * @param x {@code [..., dim]}
   * @param w {@code [dim]}, of the same type
   * @param eps added to the mean square
   * @return in the shape and type of {@code x}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor rmsNorm(Tensor x, Tensor w, double eps) {
    fits(
        w.shape().rank() == 1
            && x.shape().rank() >= 1
            && x.size(-1) == w.size(0)
            && x.dtype() == w.dtype(),
        "rmsNorm",
        x,
        w);
    TensorHandle h = kernels.rmsNorm(x.handle(), w.handle(), eps);
    if (h != null) {
      return result(h, x, x.shape().toArray());
    }
    try (TensorScope s = engine.openScope()) {
      Tensor wide = Casts.widen(x);
      Tensor rms = wide.mul(wide).sum(-1).div((double) x.size(-1)).add(eps).sqrt();
      return s.moveOut(Casts.narrowTo(wide.div(rms), x.dtype()).mul(w));
    }
  }

  /**
   * Rotates the halves of each head by its position, as Hugging Face does (RoPE, Su et al. 2021).
   *
   * @param x {@code [n, heads, headDim]}
   * @param cos {@code [n, 1, headDim / 2]}, fp32 (fp64 where {@code x} is)
   * @param sin as {@code cos}
   * @return in the shape and type of {@code x}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor rope(Tensor x, Tensor cos, Tensor sin) {
    fits(
        x.shape().rank() == 3
            && cos.shape().equals(Shape.of(x.size(0), 1, x.size(2) / 2))
            && sin.shape().equals(cos.shape())
            && x.size(2) % 2 == 0
            && cos.dtype() == (x.dtype() == DType.FP64 ? DType.FP64 : DType.FP32)
            && sin.dtype() == cos.dtype(),
        "rope",
        x,
        cos,
        sin);
    TensorHandle h = kernels.rope(x.handle(), cos.handle(), sin.handle());
    if (h != null) {
      return result(h, x, x.shape().toArray());
    }
    try (TensorScope s = engine.openScope()) {
      long half = x.size(2) / 2;
      Tensor wide = Casts.widen(x);
      Tensor a = wide.narrow(2, 0, half);
      Tensor b = wide.narrow(2, half, half);
      Tensor out = Tensor.cat(List.of(a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))), 2);
      return s.moveOut(Casts.narrowTo(out, x.dtype()));
    }
  }

  /**
   * {@return the softmax over the last dimension, in the type of the argument}
   *
   * @param x floating, {@code [..., n]}
   */
  public Tensor softmax(Tensor x) {
    try (TensorScope s = engine.openScope()) {
      Tensor e = x.sub(x.detach().max(-1)).exp();
      return s.moveOut(e.div(e.sum(-1)));
    }
  }

  /**
   * Computes causal attention of rows laid end to end, queries grouped over key-value heads
   * (Ainslie et al. 2023).
   *
   * @param q {@code [n, heads, headDim]}
   * @param k {@code [n, kvHeads, headDim]}
   * @param v {@code [n, kvHeads, headDim]}
   * @param rowEnds where each row ends, ascending, the last {@code n}
   * @param spec scale, window, soft cap and sinks, which may need a gradient
   * @return {@code [n, heads * headDim]}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor attention(Tensor q, Tensor k, Tensor v, int[] rowEnds, AttentionSpec<Tensor> spec) {
    return attention.attention(q, k, v, rowEnds, spec);
  }

  /**
   * Rotates the queries and keys of a row's next {@code m} positions, writes keys and values to its
   * cache from position {@code at} on, and attends to the cache's first {@code n} positions.
   * Records nothing for gradients.
   *
   * <p>More of the cache may be named than is held, so that lengths are few and a backend prepares
   * for few; what is masked is finite.
   *
   * @param q {@code [m, heads, headDim]}, not rotated
   * @param k {@code [m, kvHeads, headDim]}, not rotated
   * @param v as {@code k}
   * @param cos {@code [m, 1, headDim / 2]}, fp32 (fp64 where {@code q} is)
   * @param sin as {@code cos}
   * @param keys {@code [kvHeads, capacity, headDim]}, written in place
   * @param values as {@code keys}
   * @param at how many positions are held
   * @param mask {@code [m, n]}, {@code at + m <= n <= capacity}, added to the scores: 0 where a
   *     query sees a position, negative infinity where not
   * @param spec scale, soft cap and sinks; the mask stands for the window, which is ignored
   * @return {@code [m, heads * headDim]}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor cachedAttention(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor cos,
      Tensor sin,
      Tensor keys,
      Tensor values,
      int at,
      Tensor mask,
      AttentionSpec<Tensor> spec) {
    return attention.cachedAttention(q, k, v, cos, sin, keys, values, at, mask, spec);
  }

  /**
   * {@return {@code silu(gate) * up} (Shazeer 2020)}
   *
   * @param gate of any shape
   * @param up of the same shape and type
   * @throws IllegalArgumentException when they differ
   */
  public Tensor swiGlu(Tensor gate, Tensor up) {
    fits(gate.shape().equals(up.shape()) && gate.dtype() == up.dtype(), "swiGlu", gate, up);
    TensorHandle h = kernels.swiGlu(gate.handle(), up.handle());
    if (h != null) {
      return result(h, gate, gate.shape().toArray());
    }
    try (TensorScope s = engine.openScope()) {
      return s.moveOut(gate.mul(gate.sigmoid()).mul(up));
    }
  }

  /**
   * Solves {@code (I + L) x = b}, where {@code L} is what lies below the diagonal of {@code a}; in
   * fp32 or wider.
   *
   * @param a {@code [batch, n, n]}; nothing else of it is used
   * @param b {@code [batch, n, m]}, of the same type
   * @return {@code x}, in the shape and type of {@code b}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor solveUnitLower(Tensor a, Tensor b) {
    return linears.solveUnitLower(a, b);
  }

  /**
   * {@return the sum of the cross-entropies, {@code []}, fp32 (fp64 where the logits are)}
   *
   * @param logits {@code [n, vocab]}
   * @param labels int64 {@code [n]}, each below {@code vocab}
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public Tensor crossEntropy(Tensor logits, Tensor labels) {
    return crossEntropies.sum(logits, labels);
  }

  /**
   * {@return the same, where the gradient at the logits takes the logits' place; null, and the
   * logits stay, where the backend has no kernel for it}
   *
   * @param logits {@code [n, vocab]}, detached; what else sees their memory sees the gradient
   * @param labels as {@link #crossEntropy} takes them
   * @throws IllegalArgumentException when shapes or types do not fit
   */
  public @Nullable Tensor crossEntropyGradient(Tensor logits, Tensor labels) {
    return crossEntropies.gradient(logits, labels);
  }

  /**
   * Drops elements with probability {@code p} and scales the others by {@code 1 / (1 - p)}. Which
   * are dropped depends on {@code seed} and the element's position alone, on every backend.
   *
   * @param x floating
   * @param p from 0, which returns {@code x} itself, to below 1
   * @param seed of the drawn elements
   * @return in the shape and type of {@code x}
   */
  public Tensor dropout(Tensor x, double p, long seed) {
    if (p == 0) {
      return x;
    }
    try (TensorScope s = engine.openScope()) {
      float[] mask = new float[Math.toIntExact(x.shape().elements())];
      float keep = (float) (1 / (1 - p));
      for (int i = 0; i < mask.length; i++) {
        mask[i] = RandomBits.uniform(seed, i) < p ? 0 : keep;
      }
      return s.moveOut(x.mul(engine.tensor(mask, x.dtype(), x.shape())));
    }
  }

  /**
   * {@return values of U(low, high) that depend on the seed and the position alone, on every
   * backend}
   *
   * @param seed of the values
   * @param low the least
   * @param high which none reaches
   * @param dtype of the tensor
   * @param shape of the tensor
   */
  public Tensor uniform(long seed, double low, double high, DType dtype, Shape shape) {
    try (TensorScope s = engine.openScope()) {
      double[] values = new double[Math.toIntExact(shape.elements())];
      for (int i = 0; i < values.length; i++) {
        values[i] = low + (high - low) * RandomBits.uniform(seed, i);
      }
      return s.moveOut(engine.tensor(values, dtype, shape));
    }
  }

  /**
   * Makes one step of AdamW with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2),
   * in place of {@code parameter}, {@code m} and {@code v}; arithmetic in fp32 or wider, rounded
   * once.
   *
   * @param parameter what is updated
   * @param gradient in the parameter's shape
   * @param m first moment, in the parameter's shape
   * @param v second moment, in the parameter's shape
   * @param step from 1
   * @param lr learning rate
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param eps added to the root of the second moment
   * @param weightDecay the parameter shrinks by {@code lr * weightDecay}
   * @throws IllegalArgumentException when shapes differ
   */
  public void adamW(
      Tensor parameter,
      Tensor gradient,
      Tensor m,
      Tensor v,
      long step,
      double lr,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    AdamW.step(
        engine, kernels, parameter, gradient, m, v, step, lr, beta1, beta2, eps, weightDecay);
  }
}
