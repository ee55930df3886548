package org.tune4j.loss;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * Group relative policy optimisation (Shao et al. 2024, section 4.1): sampled answers that are
 * better than others to the same prompt become likelier, within a clipped ratio to what they were
 * when they were sampled, and with a penalty on the divergence from the reference. A token's loss
 * is
 *
 * <pre>-min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A) + beta (e^d - d - 1)</pre>
 *
 * <p>where {@code r} is its probability against that before the first update with the answer, which
 * is 1 in value where there is one update; {@code A} the answer's advantage, its {@linkplain
 * RowsAtHead#rating rating}; and {@code d} its log-probability by the reference less the model's.
 */
public final class GrpoLoss implements Objective {
  private static final String KL = "kl";
  private static final String CLIPPED = "clip_ratio";
  private static final String LABELS = "labels";

  /** What tokens' losses are averaged over, with TRL's names. */
  public enum LossType {
    /** Over an answer's tokens, then over answers (Shao et al. 2024). */
    GRPO,
    /** Over the tokens of all answers of a step (DAPO, Yu et al. 2025, section 3.3). */
    DAPO,
    /** Over answers, each divided by {@code max_new_tokens} (Dr. GRPO, Liu et al. 2025). */
    DR_GRPO,
    /** Over the tokens of a micro-batch's answers, then over micro-batches (TRL). */
    BNPO
  }

  private final double beta;
  private final double epsilon;
  private final double epsilonHigh;
  private final LossType lossType;
  private final int chunkTokens;
  private final double temperature;

  /** What an answer's sum is divided by besides {@link #count}: a function of its labels. */
  private final double divisor;

  /**
   * GRPO.
   *
   * @param beta weight of the divergence from the reference; 0 for none, and no reference
   * @param epsilon how far below 1 the ratio is followed, from 0 to 1
   * @param epsilonHigh how far above 1, 0 or more; null for {@code epsilon} (DAPO's clip-higher)
   * @param lossType what tokens' losses are averaged over
   * @param chunkTokens labels whose logits are computed at once
   * @throws UsageException when a number is out of its range
   */
  @Component("grpo_loss")
  public GrpoLoss(
      @Doc("weight of the divergence from the reference; 0 for none") @Default("0.04") double beta,
      @Doc("how far below 1 a token's ratio is followed") @Default("0.2") double epsilon,
      @Doc("how far above 1; null for epsilon") @Nullable Double epsilonHigh,
      @Doc("what tokens' losses are averaged over: grpo, dapo, dr_grpo or bnpo") @Default("grpo")
          LossType lossType,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    this(beta, epsilon, epsilonHigh == null ? epsilon : epsilonHigh, lossType, chunkTokens, 1, 1);
    new Requirements()
        .that(beta >= 0, "beta is %s, expected 0 or more".formatted(beta))
        .that(epsilon >= 0 && epsilon <= 1, "epsilon is %s, expected 0 to 1".formatted(epsilon))
        .that(
            this.epsilonHigh >= 0,
            "epsilon_high is %s, expected 0 or more".formatted(this.epsilonHigh))
        .atLeast(1, "chunk_tokens", chunkTokens)
        .check();
  }

  private GrpoLoss(
      double beta,
      double epsilon,
      double epsilonHigh,
      LossType lossType,
      int chunkTokens,
      double temperature,
      double divisor) {
    this.beta = beta;
    this.epsilon = epsilon;
    this.epsilonHigh = epsilonHigh;
    this.lossType = lossType;
    this.chunkTokens = chunkTokens;
    this.temperature = temperature;
    this.divisor = divisor;
  }

  private GrpoLoss with(double temperature, double divisor) {
    return new GrpoLoss(beta, epsilon, epsilonHigh, lossType, chunkTokens, temperature, divisor);
  }

  /**
   * {@return the same of answers that are sampled so}
   *
   * @param temperature that logits are divided by, above 0
   * @param maxNewTokens tokens of an answer at the most
   */
  public GrpoLoss sampled(double temperature, int maxNewTokens) {
    return with(temperature, lossType == LossType.DR_GRPO ? maxNewTokens : 1);
  }

  @Override
  public int chunkTokens() {
    return chunkTokens;
  }

  @Override
  public Rating rating() {
    return Rating.SAMPLED;
  }

  @Override
  public boolean needsReference() {
    return beta > 0;
  }

  @Override
  public long count(long rows, long labelTokens) {
    return lossType == LossType.DAPO ? labelTokens : rows;
  }

  @Override
  public List<String> metrics() {
    return List.of(KL, CLIPPED, LABELS);
  }

  @Override
  public Map<String, Double> means(Map<String, Double> sums, long count) {
    double labels = Math.max(1, sums.getOrDefault(LABELS, 0.0));
    Map<String, Double> means = new LinkedHashMap<>();
    if (needsReference()) {
      means.put(KL, sums.getOrDefault(KL, 0.0) / labels);
    }
    means.put(CLIPPED, sums.getOrDefault(CLIPPED, 0.0) / labels);
    return means;
  }

  /** A micro-batch's mean over tokens counts as much as its answers do. */
  @Override
  public Objective of(MicroBatch batch) {
    if (lossType != LossType.BNPO || batch.rows().isEmpty()) {
      return this;
    }
    long labels =
        batch.rows().stream()
            .flatMapToInt(r -> Arrays.stream(r.labels()))
            .filter(l -> l != -100)
            .count();
    return with(temperature, (double) Math.max(1, labels) / batch.rows().size());
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[][] policy = rows.labelLogProbabilities(temperature);
    double[][] earlier = rows.earlierLogProbabilities();
    double[][] reference =
        needsReference() ? rows.referenceLabelLogProbabilities(temperature) : policy;
    double[][] weights = new double[policy.length][];
    double loss = 0;
    double kl = 0;
    double clipped = 0;
    double labels = 0;
    for (int row = 0; row < policy.length; row++) {
      int n = policy[row].length;
      double scale = 1 / (lossType == LossType.GRPO ? Math.max(1, n) : divisor);
      double advantage = rows.rating(row);
      weights[row] = new double[n];
      for (int i = 0; i < n; i++) {
        double now = policy[row][i];
        double ratio = earlier.length == 0 ? 1 : Math.exp(now - earlier[row][i]);
        double limit = Math.max(1 - epsilon, Math.min(1 + epsilonHigh, ratio));
        boolean cut = limit * advantage < ratio * advantage;
        double d = reference[row][i] - now;
        double divergence = Math.expm1(d) - d;
        loss += scale * (beta * divergence - (cut ? limit : ratio) * advantage);
        weights[row][i] = scale * (-beta * Math.expm1(d) - (cut ? 0 : ratio * advantage));
        kl += divergence;
        clipped += cut ? 1 : 0;
      }
      labels += n;
    }
    rows.backwardLabels(weights);
    return new Sums(loss, Map.of(KL, kl, CLIPPED, clipped, LABELS, labels));
  }
}
