package org.tune4j.models;

import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
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

/** What an objective asks of the head; gradients at the hidden states add up here. */
final class HeadRows implements RowsAtHead {
  private final Decoder model;
  private final Pass pass;
  private final Engine engine;
  private final Tensor selected;
  private final LabelledRows rows;
  private final HeadChunks chunks;
  private final Objective objective;
  private final @Nullable ReferenceRows reference;
  private final boolean wantsGradient;
  private @Nullable Tensor gradient;
  private double @Nullable [] sums;

  /** The gradients of the positions' own log-probabilities, where the head is not trained. */
  private @Nullable Tensor ofEach;

  /** What the logits were divided by for the last log-probabilities of labels. */
  private double temperature = 1;

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
    this.chunks = new HeadChunks(model, pass, selected, rows);
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

  private double sum(int chunk, HeadChunks.OfChunk function) {
    if (Arrays.stream(rows.segments()).anyMatch(s -> !LabelledRows.isLabel(s))) {
      throw new IllegalStateException("an objective that needs prompts takes log-probabilities");
    }
    HeadChunks.Evaluated all = chunks.run(chunk, wantsGradient, function);
    add(all.gradient());
    return all.sum();
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
      keepOfEach(
          chunks.stretches(
              (logits, targets, segment) -> {
                Tensor crossEntropy = engine.operations().crossEntropy(logits, targets);
                found[segment] -= crossEntropy.item();
                return crossEntropy;
              }));
      sums = found;
    }
    return sums;
  }

  /**
   * Evaluates what gives the cross-entropies of chunks, and keeps the gradient of each position's
   * own where the head is not trained; otherwise no gradient is taken.
   */
  private void keepOfEach(HeadChunks.OfChunk crossEntropies) {
    if (wantsGradient && engine.recording() && !model.residents().trainsLast()) {
      ofEach = chunks.run(objective.chunkTokens(), true, crossEntropies).gradient();
    } else {
      evaluate(crossEntropies);
    }
  }

  private void evaluate(HeadChunks.OfChunk function) {
    try (Engine.NoGradient off = engine.noGradient()) {
      double unused = chunks.run(objective.chunkTokens(), false, function).sum();
    }
  }

  /** Takes the gradient of the positions' weighted log-probabilities, if each one's is kept. */
  private boolean addOfEach(DoubleStream weights) {
    if (ofEach == null) {
      return false;
    }
    double[] each = weights.toArray();
    add(ofEach.mul(engine.tensor(each, ofEach.dtype(), Shape.of(each.length, 1))));
    return true;
  }

  @Override
  public double[][] scores() {
    requireOneLabelEach();
    double[][] all = new double[size()][];
    evaluate(
        (logits, targets, start) -> {
          double[] values = logits.toDoubles();
          int labels = (int) logits.size(1);
          for (int i = 0; i < logits.size(0); i++) {
            all[start + i] = Arrays.copyOfRange(values, i * labels, (i + 1) * labels);
          }
          return null;
        });
    return all;
  }

  @Override
  public void backward(double[][] weights) {
    requireOneLabelEach();
    if (!engine.recording()) {
      return;
    }
    HeadChunks.OfChunk weighted =
        (logits, targets, start) -> {
          double[] some =
              Arrays.stream(weights, start, start + (int) logits.size(0))
                  .flatMapToDouble(Arrays::stream)
                  .toArray();
          Tensor wide = Merge.wide(logits);
          return wide.mul(engine.tensor(some, wide.dtype(), wide.shape())).sum();
        };
    add(chunks.run(objective.chunkTokens(), wantsGradient, weighted).gradient());
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
    keepOfEach(
        (logits, targets, start) -> {
          Tensor scaled = temperature == 1 ? logits : logits.div(temperature);
          double[] some = LabelLogProbabilities.of(scaled.detach(), targets).toDoubles();
          System.arraycopy(some, 0, found, start, some.length);
          return scaled.requiresGradient()
              ? engine.operations().crossEntropy(scaled, targets)
              : null;
        });
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
    if (addOfEach(Arrays.stream(signed).map(w -> -w))) {
      return;
    }
    HeadChunks.OfChunk weighted =
        (logits, targets, start) -> {
          Tensor each = LabelLogProbabilities.of(logits.div(temperature), targets);
          int n = (int) logits.size(0);
          double[] some = Arrays.copyOfRange(signed, start, start + n);
          return each.mul(engine.tensor(some, each.dtype(), Shape.of(n))).sum();
        };
    add(chunks.run(objective.chunkTokens(), wantsGradient, weighted).gradient());
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
    if (addOfEach(Arrays.stream(rows.segments()).mapToDouble(s -> signed[s]))) {
      return;
    }
    add(
        chunks
            .run(
                objective.chunkTokens(),
                wantsGradient,
                chunks.stretches(
                    (logits, targets, segment) ->
                        engine.operations().crossEntropy(logits, targets).mul(signed[segment])))
            .gradient());
  }

  private void add(@Nullable Tensor more) {
    if (more != null) {
      gradient = gradient == null ? more : gradient.add(more);
    }
  }
}
