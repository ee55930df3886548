package org.tune4j.loss;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * Cross-entropy of texts' classes, mean over texts.
 *
 * @param labelSmoothing the share of a label's weight that all labels have alike
 */
public record ClassCrossEntropy(double labelSmoothing) implements Objective {
  /** Texts whose scores are computed at once: of few labels, all of a micro-batch. */
  static final int CHUNK = 1024;

  private static final String ACCURACY = "accuracy";

  /**
   * Checks the share.
   *
   * @param labelSmoothing from 0 to below 1
   * @throws org.tune4j.UsageException when it is not
   */
  @Component("class_cross_entropy")
  public ClassCrossEntropy(
      @Doc("the share of a label's weight that all labels have alike, 0 to below 1") @Default("0.0")
          double labelSmoothing) {
    new Requirements()
        .that(
            labelSmoothing >= 0 && labelSmoothing < 1,
            "label_smoothing is %s, expected 0 to below 1".formatted(labelSmoothing))
        .check();
    this.labelSmoothing = labelSmoothing;
  }

  @Override
  public int chunkTokens() {
    return CHUNK;
  }

  @Override
  public Rating rating() {
    return Rating.CLASSES;
  }

  @Override
  public boolean scoresRows() {
    return true;
  }

  @Override
  public long count(long rows, long labelTokens) {
    return rows;
  }

  @Override
  public List<String> metrics() {
    return List.of(ACCURACY);
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[][] scores = rows.scores();
    double[][] weights = new double[scores.length][];
    Sums sums = Sums.ZERO;
    for (int i = 0; i < scores.length; i++) {
      double[] own = scores[i];
      int label = (int) rows.rating(i);
      double most = Arrays.stream(own).max().orElseThrow();
      double total = most + Math.log(Arrays.stream(own).map(s -> Math.exp(s - most)).sum());
      double even = labelSmoothing / own.length;
      double loss = 0;
      weights[i] = new double[own.length];
      for (int k = 0; k < own.length; k++) {
        double wanted = even + (k == label ? 1 - labelSmoothing : 0);
        weights[i][k] = Math.exp(own[k] - total) - wanted;
        loss += wanted * (total - own[k]);
      }
      sums = sums.plus(new Sums(loss, Map.of(ACCURACY, own[label] == most ? 1.0 : 0.0)));
    }
    rows.backward(weights);
    return sums;
  }
}
