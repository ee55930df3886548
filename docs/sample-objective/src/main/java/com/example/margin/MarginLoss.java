package com.example.margin;

import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/** Rows are pairs: the first should be likelier than the second by a margin, in nats. */
public final class MarginLoss implements Objective {
  private final double margin;
  private final int chunkTokens;

  @Component("margin_loss")
  public MarginLoss(
      @Doc("How much likelier the first row of a pair should be, in nats.") @Default("1.0")
          double margin,
      @Doc("Labels whose logits are computed at once.") @Default("128") int chunkTokens) {
    this.margin = margin;
    this.chunkTokens = chunkTokens;
  }

  @Override
  public int chunkTokens() {
    return chunkTokens;
  }

  @Override
  public int rowsTogether() {
    return 2;
  }

  @Override
  public List<String> metrics() {
    return List.of("accuracy");
  }

  @Override
  public long count(long rows, long labelTokens) {
    return rows / 2;
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[] likelihood = rows.logProbabilities();
    double[] weights = new double[likelihood.length];
    double loss = 0;
    double correct = 0;
    for (int first = 0; first < likelihood.length; first += 2) {
      double lead = likelihood[first] - likelihood[first + 1];
      if (lead > 0) {
        correct++;
      }
      if (lead < margin) {
        loss += margin - lead;
        weights[first] = -1;
        weights[first + 1] = 1;
      }
    }
    rows.backward(weights);
    return new Sums(loss, Map.of("accuracy", correct));
  }
}
