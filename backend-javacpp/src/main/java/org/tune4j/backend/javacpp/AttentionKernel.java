package org.tune4j.backend.javacpp;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Causal attention of rows laid end to end. On the CPU as batched products, because libtorch's
 * flash attention falls to a naive loop for bf16 in a build without MKL; on CUDA with libtorch's
 * own kernels.
 *
 * <p>The queries of a key-value group are rows of one product. A long row is taken a block of
 * queries at a time, each against the keys up to its own end, so that little more than the lower
 * triangle is computed.
 */
final class AttentionKernel {
  /**
   * Queries of one block at most: large enough for a product, small enough to skip what is masked.
   * Blocks of a row are equal, since a small last one costs more than it saves.
   */
  static final int BLOCK = 256;

  private final Masks masks = new Masks();

  void close() {
    masks.close();
  }

  /** {@code [n, heads * headDim]}, in the caller's pointer scope. */
  Tensor of(Tensor q, Tensor k, Tensor v, int[] rowEnds, int window, double scale) {
    List<Tensor> parts = new ArrayList<>();
    int start = 0;
    for (int end : rowEnds) {
      if (q.is_cuda()) {
        parts.add(fused(q, k, v, start, end, window, scale));
      } else {
        int blocks = (end - start + BLOCK - 1) / BLOCK;
        int size = (end - start + blocks - 1) / blocks;
        for (int from = start; from < end; from += size) {
          int to = Math.min(from + size, end);
          int first = window > 0 ? Math.max(start, from - window + 1) : start;
          parts.add(block(q, k, v, from, to, first, window, scale));
        }
      }
      start = end;
    }
    return parts.size() == 1
        ? parts.get(0)
        : torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
  }

  /**
   * New queries over the first keys of a cache, {@code [m, heads * headDim]}.
   *
   * @param q {@code [m, heads, headDim]}
   * @param keys {@code [kvHeads, capacity, headDim]}
   * @param values as {@code keys}
   * @param mask {@code [m, n]}
   */
  static Tensor cached(Tensor q, Tensor keys, Tensor values, Tensor mask, double scale) {
    long m = q.size(0);
    long n = mask.size(1);
    long group = q.size(1) / keys.size(0);
    Tensor hidden = m == 1 ? mask : mask.expand(group, m, n).reshape(1, group * m, n);
    return products(q, first(n, keys), first(n, values), hidden, scale);
  }

  private static Tensor first(long n, Tensor cache) {
    return cache.size(1) == n ? cache : cache.narrow(1, 0, n);
  }

  /** Queries {@code from..to} against keys {@code first..to}. */
  private Tensor block(
      Tensor q, Tensor k, Tensor v, int from, int to, int first, int window, double scale) {
    int rows = to - from;
    int keys = to - first;
    Tensor mask = mask(q, rows, keys, (int) (q.size(1) / k.size(1)), window);
    return products(
        q.narrow(0, from, rows),
        k.narrow(0, first, keys).transpose(0, 1),
        v.narrow(0, first, keys).transpose(0, 1),
        mask,
        scale);
  }

  /**
   * Queries against all of these keys.
   *
   * @param q {@code [m, heads, headDim]}
   * @param keys {@code [kvHeads, n, headDim]}
   * @param values as {@code keys}
   * @param mask {@code [1, group * m, n]}, or what broadcasts to it
   */
  private static Tensor products(Tensor q, Tensor keys, Tensor values, Tensor mask, double scale) {
    long m = q.size(0);
    long heads = q.size(1);
    long dim = q.size(2);
    long kvHeads = keys.size(0);
    Tensor queries = q.transpose(0, 1).reshape(kvHeads, heads / kvHeads * m, dim);
    Tensor across = keys.transpose(1, 2);
    Tensor scores = torch.baddbmm(mask, queries, across, new Scalar(1.0), new Scalar(scale));
    Tensor mixed = torch.softmax(scores, -1).bmm(values);
    return mixed.reshape(heads, m, dim).transpose(0, 1).reshape(m, heads * dim);
  }

  /** libtorch's own kernel; {@code [1, heads, t, headDim]} inside. */
  private Tensor fused(Tensor q, Tensor k, Tensor v, int start, int end, int window, double scale) {
    int t = end - start;
    boolean banded = window > 0 && window < t;
    TensorOptional mask =
        banded ? new TensorOptional(mask(q, t, t, 1, window)) : new TensorOptional();
    Tensor out =
        torch.scaled_dot_product_attention(
            headsFirst(q, start, t),
            headsFirst(k, start, t),
            headsFirst(v, start, t),
            mask,
            0.0,
            !banded,
            new DoubleOptional(scale),
            q.size(1) != k.size(1));
    return out.squeeze(0).transpose(0, 1).reshape(t, q.size(1) * q.size(2));
  }

  private static Tensor headsFirst(Tensor x, int start, int length) {
    return x.narrow(0, start, length).transpose(0, 1).unsqueeze(0);
  }

  private Tensor mask(Tensor like, int rows, int keys, int group, int window) {
    org.bytedeco.pytorch.Device device = like.device();
    String name = like.is_cuda() ? "cuda:" + device.index() : "cpu";
    int w = window >= keys ? 0 : window;
    return masks.get(
        new Masks.Key(rows, keys, group, w, like.scalar_type().intern(), name), device);
  }
}
