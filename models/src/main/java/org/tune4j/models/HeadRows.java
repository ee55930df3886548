package org.tune4j.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Norm, projection and a function of the logits, a chunk of labels at a time; each chunk's logits
 * are gone before the next. Gradients at the hidden states add up here.
 */
final class HeadRows implements RowsAtHead {
  private final Decoder model;
  private final Pass pass;
  private final Engine engine;
  private final Tensor selected;
  private final LabelledRows rows;
  private final Objective objective;
  private final double @Nullable [] reference;
  private final boolean wantsGradient;
  private @Nullable Tensor gradient;

  /** A scalar of the logits of the labels from {@code start} on. */
  @FunctionalInterface
  private interface OfChunk {
    Tensor of(Tensor logits, Tensor labels, int start);
  }

  /**
   * Of one pass, which has entered the last part.
   *
   * @param selected the hidden states of the labels, {@code [labels, dim]}
   * @param reference the base model's log-probabilities, where they are needed
   * @param wantsGradient whether the layers need the gradient at {@code selected}
   */
  HeadRows(
      Decoder model,
      Pass pass,
      Tensor selected,
      LabelledRows rows,
      Objective objective,
      double @Nullable [] reference,
      boolean wantsGradient) {
    this.model = model;
    this.pass = pass;
    this.engine = pass.engine();
    this.selected = selected;
    this.rows = rows;
    this.objective = objective;
    this.reference = reference;
    this.wantsGradient = wantsGradient;
  }

  /** Of all that was evaluated, {@code [labels, dim]}; null where the layers need none. */
  @Nullable Tensor gradient() {
    return wantsGradient && gradient == null
        ? engine.zeros(selected.dtype(), selected.shape()) // the objective took none
        : gradient;
  }

  @Override
  public int size() {
    return rows.ends().length;
  }

  @Override
  public int[] labels(int row) {
    return Arrays.copyOfRange(rows.targets(), rows.start(row), rows.ends()[row]);
  }

  @Override
  public double sum(Loss loss) {
    return run(
        loss.chunkTokens(), wantsGradient, (logits, labels, start) -> loss.sum(logits, labels));
  }

  @Override
  public double[] logProbabilities() {
    double[] sums = new double[size()];
    try (Engine.NoGradient off = engine.noGradient()) {
      double unused =
          run(
              objective.chunkTokens(),
              false,
              (logits, labels, start) -> {
                Tensor last = null;
                for (int row : rowsOf(start, logits.size(0))) {
                  last = crossEntropy(logits, labels, start, row);
                  sums[row] -= last.item();
                }
                return Objects.requireNonNull(last);
              });
    }
    return sums;
  }

  @Override
  public double[] referenceLogProbabilities() {
    if (reference == null) {
      throw new IllegalStateException(
          "the objective does not say that it needs the reference's log-probabilities");
    }
    return reference.clone();
  }

  @Override
  public void backward(double[] weights) {
    if (weights.length != size()) {
      throw new IllegalArgumentException(
          "there are %d weights for %d rows".formatted(weights.length, size()));
    }
    if (!engine.recording()) {
      return;
    }
    double unused =
        run(
            objective.chunkTokens(),
            wantsGradient,
            (logits, labels, start) -> {
              Tensor sum = null;
              for (int row : rowsOf(start, logits.size(0))) {
                Tensor own = crossEntropy(logits, labels, start, row).mul(-weights[row]);
                sum = sum == null ? own : sum.add(own);
              }
              return Objects.requireNonNull(sum);
            });
  }

  /** The rows of which some labels are in a chunk. */
  private int[] rowsOf(int start, long length) {
    int[] all = new int[size()];
    int n = 0;
    for (int row = 0; row < all.length; row++) {
      if (Math.max(start, rows.start(row)) < Math.min(start + length, rows.ends()[row])) {
        all[n++] = row;
      }
    }
    return Arrays.copyOf(all, n);
  }

  /** The cross-entropy of a row's labels in a chunk. */
  private Tensor crossEntropy(Tensor logits, Tensor labels, int start, int row) {
    long from = Math.max(0, rows.start(row) - start);
    long length = Math.min(logits.size(0), rows.ends()[row] - start) - from;
    return engine
        .operations()
        .crossEntropy(logits.narrow(0, from, length), labels.narrow(0, from, length));
  }

  private double run(int chunk, boolean wantsGradient, OfChunk function) {
    List<Tensor> gradients = new ArrayList<>();
    double total = 0;
    for (int start = 0; start < rows.targets().length; start += chunk) {
      int length = Math.min(chunk, rows.targets().length - start);
      try (TensorScope scope = engine.openScope()) {
        Tensor piece = selected.detach().narrow(0, start, length);
        Tensor leaf = wantsGradient ? piece.leaf() : piece;
        Tensor labels = engine.indices(Arrays.copyOfRange(rows.targets(), start, start + length));
        Tensor sum = function.of(model.project(pass, leaf), labels, start);
        if (sum.requiresGradient()) {
          pass.backward(sum);
        }
        if (wantsGradient) {
          gradients.add(scope.moveOut(leaf.gradient().orElseThrow()));
        }
        total += sum.item();
      }
    }
    if (wantsGradient) {
      Tensor all = gradients.size() == 1 ? gradients.get(0) : Tensor.cat(gradients, 0);
      gradient = gradient == null ? all : gradient.add(all);
    }
    return total;
  }
}
