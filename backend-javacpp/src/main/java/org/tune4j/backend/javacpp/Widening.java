package org.tune4j.backend.javacpp;

import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.Nf4;

/**
 * Products of wide activations with a frozen weight in a narrower type, or a quantised one. A tile
 * of the weight's rows is widened at a time, into memory that the next tile takes again.
 */
final class Widening {
  /** Bytes of a thread's tile. Smaller ones stay in nearer caches, and BLAS is slower with them. */
  private static final long TILE = 4 << 20;

  /** Rows of a tile are a multiple of these: those of a quantised weight are whole blocks then. */
  private static final long STEP = 16;

  private static final long QUANTISED_STEP = Nf4.BLOCK;

  private final Threads threads;
  private final Unpacking unpacking;

  Widening(Threads threads, Unpacking unpacking) {
    this.threads = threads;
    this.unpacking = unpacking;
  }

  /** {@code x w^T}, {@code [n, out]}. */
  Tensor linear(Tensor x, TensorHandle w) {
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      Weight weight = weight(w);
      Tensor result = torch.empty(new long[] {x.size(0), weight.out}, x.options(), null);
      forEachTile(
          x, weight, (tile, from, rows) -> torch.mm_out(result.narrow(1, from, rows), x, tile.t()));
      return result;
    } finally {
      GradMode.set_enabled(before);
    }
  }

  /** {@code g w}, {@code [n, in]}. */
  Tensor linearInput(Tensor g, TensorHandle w) {
    boolean before = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      Weight weight = weight(w);
      Tensor result = torch.zeros(new long[] {g.size(0), weight.width}, g.options());
      forEachTile(
          g,
          weight,
          (tile, from, rows) ->
              result.addmm_(g.narrow(1, from, rows), tile, new Scalar(1.0), new Scalar(1.0)));
      return result;
    } finally {
      GradMode.set_enabled(before);
    }
  }

  /** {@code [out, width]}, of which rows can be written elsewhere. */
  private record Weight(long out, long width, long step, Rows rows) {}

  private interface Rows {
    void copy(long from, Tensor into);
  }

  private interface OfTile {
    void accept(Tensor tile, long from, long rows);
  }

  private Weight weight(TensorHandle w) {
    if (w instanceof Quantised q) {
      return new Weight(
          q.shape().size(0),
          q.shape().size(1),
          QUANTISED_STEP,
          (from, into) -> unpack(q, from, into));
    }
    Tensor t = Handle.of(w);
    return new Weight(
        t.size(0), t.size(1), STEP, (from, into) -> into.copy_(t.narrow(0, from, into.size(0))));
  }

  private void unpack(Quantised w, long from, Tensor into) {
    ScalarType type = into.scalar_type().intern();
    if (type == ScalarType.Float || type == ScalarType.BFloat16) {
      unpacking.rows(w, from, into);
    } else {
      Tensor wide =
          torch.empty(
              into.sizes(), into.options().dtype(new ScalarTypeOptional(ScalarType.Float)), null);
      unpacking.rows(w, from, wide);
      into.copy_(wide);
    }
  }

  private void forEachTile(Tensor like, Weight w, OfTile of) {
    long fits = threads.get() * TILE / (w.width * like.element_size());
    long most = Math.min(w.out, Math.max(w.step, fits / w.step * w.step));
    Tensor wide = torch.empty(new long[] {most, w.width}, like.options(), null);
    for (long from = 0; from < w.out; from += most) {
      long rows = Math.min(most, w.out - from);
      Tensor tile = rows == most ? wide : wide.narrow(0, 0, rows);
      w.rows.copy(from, tile);
      of.accept(tile, from, rows);
    }
  }
}
