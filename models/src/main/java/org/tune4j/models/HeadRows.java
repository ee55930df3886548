package org.tune4j.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.Merge;
import org.tune4j.nn.Divergence;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
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
  private final @Nullable ReferenceRows reference;
  private final boolean wantsGradient;
  private @Nullable Tensor gradient;
  private double @Nullable [] sums;

  /** The gradients of the positions' own log-probabilities, where the head is not trained. */
  private @Nullable Tensor ofEach;

  /** What the logits were divided by for the last log-probabilities of labels. */
  private double temperature = 1;

  /** A scalar of the logits of a chunk, which begins at {@code start}; null for nothing. */
  @FunctionalInterface
  private interface OfChunk {
    @Nullable Tensor of(Tensor logits, Tensor targets, int start);
  }

  /** A scalar of the logits of one segment's stretch in a chunk. */
  @FunctionalInterface
  private interface OfStretch {
    Tensor of(Tensor logits, Tensor targets, int segment);
  }

  /** The sum over all chunks, and its gradient at the hidden states where that was wanted. */
  private record Evaluated(double sum, @Nullable Tensor gradient) {}

  /**
   * Of one pass, which has entered the last part.
   *
   * @param selected the hidden states of the positions, {@code [n, dim]}
   * @param reference the same rows in the model they are compared with, where that is needed
   * @param wantsGradient whether the layers need the gradient at {@code selected}
   */
  HeadRows(
      Decoder model,
      Pass pass,
      Tensor selected,
      LabelledRows rows,
      Objective objective,
      @Nullable ReferenceRows reference,
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

  /** Of all that was evaluated, {@code [n, dim]}; null where the layers need none. */
  @Nullable Tensor gradient() {
    return wantsGradient && gradient == null
        ? engine.zeros(selected.dtype(), selected.shape()) // the objective took none
        : gradient;
  }

  @Override
  public int size() {
    return rows.rows().rowEnds().length;
  }

  @Override
  public int[] labels(int row) {
    return rows.labels(row);
  }

  @Override
  public double rating(int row) {
    return rows.rows().facts().rating(row);
  }

  @Override
  public double sum(Loss loss) {
    return sum(loss.chunkTokens(), (logits, targets, start) -> of(loss, logits, targets));
  }

  /** Its gradient has been taken where the loss knows it; otherwise the result leads to it. */
  private Tensor of(Loss loss, Tensor logits, Tensor targets) {
    if (logits.requiresGradient()) {
      // From before they change: autograd goes back another way from a view that was written to.
      Tensor edge = logits.gradientEdge();
      Tensor gradient = logits.detach();
      Tensor sum = loss.sumAndGradient(gradient, targets);
      if (sum != null) {
        pass.backward(edge, gradient);
        return sum;
      }
    }
    return loss.sum(logits, targets);
  }

  @Override
  public double sum(Divergence divergence) {
    ReferenceRows other = requireReference();
    return sum(
        objective.chunkTokens(),
        (logits, targets, start) -> {
          Tensor reference;
          try (Engine.NoGradient off = engine.noGradient()) {
            reference = other.logits(start, (int) logits.size(0));
          }
          return divergence.sum(logits, reference, targets);
        });
  }

  private double sum(int chunk, OfChunk function) {
    if (Arrays.stream(rows.segments()).anyMatch(s -> !LabelledRows.isLabel(s))) {
      throw new IllegalStateException("an objective that needs prompts takes log-probabilities");
    }
    Evaluated all = run(chunk, wantsGradient, function);
    add(all.gradient);
    return all.sum;
  }

  private ReferenceRows requireReference() {
    if (reference == null) {
      throw new IllegalStateException("the objective does not say that it needs the reference");
    }
    return reference;
  }

  @Override
  public double[] logProbabilities() {
    return every(2, 0, segments());
  }

  @Override
  public double[] promptLogProbabilities() {
    return every(2, 1, segments());
  }

  private static double[] every(int step, int from, double[] all) {
    double[] some = new double[all.length / step];
    Arrays.setAll(some, i -> all[step * i + from]);
    return some;
  }

  /**
   * The sums of the log-probabilities of each row's labels and of its prompt. A position's logits
   * depend on its own hidden state alone, so where the head is not trained the gradient of a
   * weighted sum is that of the plain sum, each position's part times its weight: what {@link
   * #backward} needs is computed here, and no logits a second time.
   */
  private double[] segments() {
    if (sums == null) {
      double[] found = new double[2 * size()];
      boolean records = wantsGradient && engine.recording() && !model.residents().trainsLast();
      OfChunk each =
          stretches(
              (logits, targets, segment) -> {
                Tensor crossEntropy = engine.operations().crossEntropy(logits, targets);
                found[segment] -= crossEntropy.item();
                return crossEntropy;
              });
      if (records) {
        ofEach = run(objective.chunkTokens(), true, each).gradient;
      } else {
        try (Engine.NoGradient off = engine.noGradient()) {
          double unused = run(objective.chunkTokens(), false, each).sum;
        }
      }
      sums = found;
    }
    return sums;
  }

  @Override
  public double[][] scores() {
    requireOneLabelEach();
    double[][] all = new double[size()][];
    try (Engine.NoGradient off = engine.noGradient()) {
      double unused =
          run(
                  objective.chunkTokens(),
                  false,
                  (logits, targets, start) -> {
                    double[] values = logits.toDoubles();
                    int labels = (int) logits.size(1);
                    for (int i = 0; i < logits.size(0); i++) {
                      all[start + i] = Arrays.copyOfRange(values, i * labels, (i + 1) * labels);
                    }
                    return null;
                  })
              .sum;
    }
    return all;
  }

  @Override
  public void backward(double[][] weights) {
    requireOneLabelEach();
    if (!engine.recording()) {
      return;
    }
    OfChunk weighted =
        (logits, targets, start) -> {
          double[] some =
              Arrays.stream(weights, start, start + (int) logits.size(0))
                  .flatMapToDouble(Arrays::stream)
                  .toArray();
          Tensor wide = Merge.wide(logits);
          return wide.mul(engine.tensor(some, wide.dtype(), wide.shape())).sum();
        };
    add(run(objective.chunkTokens(), wantsGradient, weighted).gradient);
  }

  private void requireOneLabelEach() {
    if (!objective.scoresRows() || rows.targets().length != size()) {
      throw new IllegalStateException(
          "there are %d labels of %d rows; an objective that says so scores rows of one label each"
              .formatted(rows.targets().length, size()));
    }
  }

  @Override
  public double[] referenceLogProbabilities() {
    double[] known = rows.rows().facts().reference();
    if (known.length > 0) {
      return known.clone();
    }
    ReferenceRows other = requireReference();
    try (Engine.NoGradient off = engine.noGradient()) {
      return rowsOf(other).logProbabilities();
    }
  }

  private HeadRows rowsOf(ReferenceRows other) {
    return new HeadRows(
        other.model(), other.pass(), other.selected(), rows, objective, null, false);
  }

  @Override
  public double[][] labelLogProbabilities(double temperature) {
    this.temperature = temperature;
    double[] found = new double[rows.targets().length];
    boolean records = wantsGradient && engine.recording() && !model.residents().trainsLast();
    OfChunk each =
        (logits, targets, start) -> {
          Tensor scaled = temperature == 1 ? logits : logits.div(temperature);
          double[] some = LabelLogProbabilities.of(scaled.detach(), targets).toDoubles();
          System.arraycopy(some, 0, found, start, some.length);
          return records ? engine.operations().crossEntropy(scaled, targets) : null;
        };
    if (records) {
      ofEach = run(objective.chunkTokens(), true, each).gradient;
    } else {
      try (Engine.NoGradient off = engine.noGradient()) {
        double unused = run(objective.chunkTokens(), false, each).sum;
      }
    }
    return rows.byRow(found);
  }

  @Override
  public double[][] referenceLabelLogProbabilities(double temperature) {
    ReferenceRows other = requireReference();
    try (Engine.NoGradient off = engine.noGradient()) {
      return rowsOf(other).labelLogProbabilities(temperature);
    }
  }

  @Override
  public double[][] earlierLogProbabilities() {
    double[] earlier = rows.rows().facts().earlier();
    return earlier.length == 0 ? new double[0][] : rows.split(earlier);
  }

  @Override
  public void backwardLabels(double[][] weights) {
    double[] signed = rows.byPosition(weights);
    if (!engine.recording()) {
      return;
    }
    if (ofEach != null) {
      double[] each = Arrays.stream(signed).map(w -> -w).toArray();
      add(ofEach.mul(engine.tensor(each, ofEach.dtype(), Shape.of(each.length, 1))));
      return;
    }
    OfChunk weighted =
        (logits, targets, start) -> {
          Tensor each = LabelLogProbabilities.of(logits.div(temperature), targets);
          int n = (int) logits.size(0);
          double[] some = Arrays.copyOfRange(signed, start, start + n);
          return each.mul(engine.tensor(some, each.dtype(), Shape.of(n))).sum();
        };
    add(run(objective.chunkTokens(), wantsGradient, weighted).gradient);
  }

  @Override
  public void backward(double[] weights, double[] promptWeights) {
    for (double[] each : List.of(weights, promptWeights)) {
      if (each.length != size()) {
        throw new IllegalArgumentException(
            "there are %d weights for %d rows".formatted(each.length, size()));
      }
    }
    if (!engine.recording()) {
      return;
    }
    double[] signed = new double[2 * size()];
    Arrays.setAll(signed, i -> -(LabelledRows.isLabel(i) ? weights : promptWeights)[i / 2]);
    if (ofEach != null) {
      double[] each = Arrays.stream(rows.segments()).mapToDouble(s -> signed[s]).toArray();
      add(ofEach.mul(engine.tensor(each, ofEach.dtype(), Shape.of(each.length, 1))));
      return;
    }
    add(
        run(
                objective.chunkTokens(),
                wantsGradient,
                stretches(
                    (logits, targets, segment) ->
                        engine.operations().crossEntropy(logits, targets).mul(signed[segment])))
            .gradient);
  }

  private void add(@Nullable Tensor more) {
    if (more != null) {
      gradient = gradient == null ? more : gradient.add(more);
    }
  }

  /** The sum over the stretches of a chunk. */
  private OfChunk stretches(OfStretch function) {
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

  private Evaluated run(int chunk, boolean wantsGradient, OfChunk function) {
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
