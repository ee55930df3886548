package org.tune4j.models.layers;

import java.util.Arrays;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * How the state of each head, {@code [heads, keyDim, valueDim]}, fades over the tokens of a chunk:
 * {@code S <- e^g S + k v^T} at each of them. In a chunk it is a masked product (Dao and Gu 2024).
 *
 * @param sums of {@code g} up to each token, {@code [heads, n]}
 * @param pairs what a token's share of the state is at a later token, {@code [heads, n, n]}
 * @param before what the state before the chunk is at each token, {@code [heads, n, 1]}
 */
record Decay(Tensor sums, Tensor pairs, Tensor before) {
  /** Tokens of a chunk: enough for products, few enough for their square. */
  static final int CHUNK = 64;

  private static final double HIDDEN = 1e30;

  /** Of the logarithms {@code g <= 0}, {@code [n, heads]}. */
  static Decay of(Engine engine, Tensor g) {
    int n = (int) g.size(0);
    long heads = g.size(1);
    Tensor seen = lower(engine, n, 0, g.dtype());
    Tensor sums = g.transpose(0, 1).matmul(seen.transpose(0, 1));
    Tensor between = sums.reshape(heads, n, 1).sub(sums.reshape(heads, 1, n));
    // A token's own share is 1 whatever g is. Its gradients, the largest, would cancel to noise.
    Tensor others = between.mul(lower(engine, n, 1, g.dtype()).reshape(1, n, n));
    Tensor pairs = others.add(seen.add(-1).mul(HIDDEN).reshape(1, n, n)).exp();
    return new Decay(sums, pairs, sums.exp().reshape(heads, n, 1));
  }

  /** Ones where a column is {@code apart} or more below its row, {@code [n, n]}. */
  private static Tensor lower(Engine engine, int n, int apart, DType dtype) {
    float[] ones = new float[n * n];
    for (int i = apart; i < n; i++) {
      Arrays.fill(ones, i * n, i * n + i + 1 - apart, 1);
    }
    return engine.tensor(ones, dtype, Shape.of(n, n));
  }

  /**
   * What queries read of the state before the chunk and of the chunk's own values, {@code [heads,
   * n, valueDim]}; queries and keys are {@code [heads, n, keyDim]}.
   */
  Tensor read(Tensor q, Tensor k, Tensor values, Tensor state) {
    Tensor own = q.matmul(k.transpose(1, 2)).mul(pairs).matmul(values);
    return q.matmul(state).mul(before).add(own);
  }

  /** The state behind the chunk. */
  Tensor next(Tensor k, Tensor values, Tensor state) {
    long heads = sums.size(0);
    long n = sums.size(1);
    Tensor all = sums.narrow(1, n - 1, 1);
    Tensor left = all.sub(sums).exp().reshape(heads, n, 1);
    return state
        .mul(all.exp().reshape(heads, 1, 1))
        .add(k.mul(left).transpose(1, 2).matmul(values));
  }

  /** {@code [n, groups * dim]} as {@code [heads, n, dim]}: a group's for all of its heads. */
  static Tensor heads(Tensor x, long groups, long heads) {
    long n = x.size(0);
    long dim = x.size(1) / groups;
    Tensor each = x.reshape(n, groups, dim).transpose(0, 1);
    return each.reshape(groups, 1, n, dim)
        .expand(groups, heads / groups, n, dim)
        .reshape(heads, n, dim);
  }

  /** {@code [heads, n, dim]} as {@code [n, heads * dim]}. */
  static Tensor tokens(Tensor x) {
    return x.transpose(0, 1).reshape(x.size(1), x.size(0) * x.size(2));
  }

  /** {@code log(1 + e^x)}, in fp64 where there is one: small values would lose their digits. */
  static Tensor softplus(Tensor x) {
    boolean has = x.engine().backend().dtypes().contains(DType.FP64);
    return x.cast(has ? DType.FP64 : x.dtype()).exp().add(1).log().cast(x.dtype());
  }

  /** In fp32, or as it is where that is no less. */
  static Tensor wide(Tensor x) {
    return x.dtype() == DType.FP64 || x.dtype() == DType.FP32 ? x : x.cast(DType.FP32);
  }
}
