package org.tune4j.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Norm, projection and a function of the logits, a chunk of labels at a time; each chunk's logits
 * are gone before the next.
 */
final class HeadChunks {
  private final Decoder model;
  private final Pass pass;
  private final Engine engine;
  private final Tensor selected;
  private final LabelledRows rows;

  /**
   * Of one pass, which has entered the last part.
   *
   * @param selected the hidden states of the positions, {@code [n, dim]}
   */
  HeadChunks(Decoder model, Pass pass, Tensor selected, LabelledRows rows) {
    this.model = model;
    this.pass = pass;
    this.engine = pass.engine();
    this.selected = selected;
    this.rows = rows;
  }

  /** A scalar of the logits of a chunk, which begins at {@code start}; null for nothing. */
  @FunctionalInterface
  interface OfChunk {
    @Nullable Tensor of(Tensor logits, Tensor targets, int start);
  }

  /** A scalar of the logits of one segment's stretch in a chunk. */
  @FunctionalInterface
  interface OfStretch {
    Tensor of(Tensor logits, Tensor targets, int segment);
  }

  /** The sum over all chunks, and its gradient at the hidden states where that was wanted. */
  record Evaluated(double sum, @Nullable Tensor gradient) {}

  /** The sum over the stretches of a chunk. */
  OfChunk stretches(OfStretch function) {
    return (logits, targets, start) -> {
      Tensor sum = null;
      int limit = start + (int) logits.size(0);
      for (int from = start; from < limit; ) {
        int end = rows.end(from, limit);
        Tensor one =
            function.of(
                logits.narrow(0, from - start, end - from),
                targets.narrow(0, from - start, end - from),
                rows.segments()[from]);
        sum = sum == null ? one : sum.add(one);
        from = end;
      }
      return sum;
    };
  }

  /**
   * Evaluates all chunks, and takes the gradients that are not taken yet.
   *
   * @param chunk positions of each
   * @param wantsGradient whether that at the hidden states is wanted
   */
  Evaluated run(int chunk, boolean wantsGradient, OfChunk function) {
    List<Tensor> gradients = new ArrayList<>();
    double total = 0;
    for (int start = 0; start < rows.targets().length; start += chunk) {
      int length = Math.min(chunk, rows.targets().length - start);
      try (TensorScope scope = engine.openScope()) {
        Tensor piece = selected.detach().narrow(0, start, length);
        Tensor leaf = wantsGradient ? piece.leaf() : piece;
        Tensor targets = engine.indices(Arrays.copyOfRange(rows.targets(), start, start + length));
        Tensor sum = function.of(model.project(pass, leaf), targets, start);
        if (sum != null && sum.requiresGradient()) {
          pass.backward(sum);
        }
        if (wantsGradient) {
          Tensor one = leaf.gradient().orElseGet(() -> engine.zeros(leaf.dtype(), leaf.shape()));
          gradients.add(scope.moveOut(one));
        }
        total += sum == null ? 0 : sum.item();
      }
    }
    Tensor all =
        gradients.isEmpty()
            ? null
            : gradients.size() == 1 ? gradients.get(0) : Tensor.cat(gradients, 0);
    return new Evaluated(total, all);
  }
}
