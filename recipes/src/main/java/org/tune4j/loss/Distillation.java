package org.tune4j.loss;

import java.util.List;
import java.util.Map;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.tensor.Tensor;

/**
 * Cross-entropy and the distance from a teacher, mixed; the mean over label tokens (Hinton et al.
 * 2015).
 *
 * @param loss of the labels
 * @param kdLoss against the teacher, which is the reference
 * @param kdRatio the share of {@code kdLoss}, from 0 to 1
 */
public record Distillation(Loss loss, DistillationLoss kdLoss, double kdRatio)
    implements Objective {
  private static final String CLASS = "class_loss";
  private static final String KD = "kd_loss";

  @Override
  public int chunkTokens() {
    return loss.chunkTokens();
  }

  @Override
  public Rating rating() {
    return Rating.NONE;
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  public List<String> metrics() {
    return List.of(CLASS, KD);
  }

  @Override
  public long count(long rows, long labelTokens) {
    return labelTokens;
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[] sums = new double[2];
    double all =
        rows.sum(
            (logits, teacher, labels) -> {
              Tensor ofLabels = loss.sum(logits, labels);
              Tensor ofTeacher = kdLoss.sum(logits, teacher);
              sums[0] += ofLabels.item();
              sums[1] += ofTeacher.item();
              return ofLabels.mul(1 - kdRatio).add(ofTeacher.mul(kdRatio));
            });
    return new Sums(all, Map.of(CLASS, sums[0], KD, sums[1]));
  }
}
