package org.tune4j.backend.javacpp;

import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Products of wide activations with a frozen weight in a narrower type. A tile of the weight's rows
 * is widened at a time, into memory that the next tile takes again.
 */
final class Widening {
  /** Bytes of a thread's tile. Smaller ones stay in nearer caches, and BLAS is slower with them. */
  private static final long TILE = 4 << 20;

  private final Threads threads;

  Widening(Threads threads) {
    this.threads = threads;
  }

  /** {@code x w^T}, {@code [n, out]}. */
  Tensor linear(Tensor x, Tensor w) {
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      Tensor result = torch.empty(new long[] {x.size(0), w.size(0)}, x.options(), null);
      forEachTile(
          x, w, (tile, from, rows) -> torch.mm_out(result.narrow(1, from, rows), x, tile.t()));
      return result;
    } finally {
      GradMode.set_enabled(before);
    }
  }

  /** {@code g w}, {@code [n, in]}. */
  Tensor linearInput(Tensor g, Tensor w) {
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      Tensor result = torch.zeros(new long[] {g.size(0), w.size(1)}, g.options());
      forEachTile(
          g,
          w,
          (tile, from, rows) ->
              result.addmm_(g.narrow(1, from, rows), tile, new Scalar(1.0), new Scalar(1.0)));
      return result;
    } finally {
      GradMode.set_enabled(before);
    }
  }

  private interface OfTile {
    void accept(Tensor tile, long from, long rows);
  }

  private void forEachTile(Tensor like, Tensor w, OfTile of) {
    long out = w.size(0);
    long width = w.size(1);
    long most = Math.max(16, threads.get() * TILE / (width * like.element_size()) / 16 * 16);
    most = Math.min(out, most);
    Tensor wide = torch.empty(new long[] {most, width}, like.options(), null);
    for (long from = 0; from < out; from += most) {
      long rows = Math.min(most, out - from);
      Tensor tile = rows == most ? wide : wide.narrow(0, 0, rows);
      tile.copy_(w.narrow(0, from, rows));
      of.accept(tile, from, rows);
    }
  }
}
