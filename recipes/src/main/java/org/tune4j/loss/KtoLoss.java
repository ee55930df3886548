package org.tune4j.loss;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.MicroBatch;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/**
 * Kahneman-Tversky optimisation (Ethayarajh et al. 2024): each answer is desirable or not, and has
 * become likelier, or less, than answers in general. How much those have is estimated from the
 * micro-batch's prompts, each with the answer of the row before it.
 */
public final class KtoLoss implements Objective {
  private static final String KL = "kl";
  private static final String DESIRABLE = "rows/chosen";
  private static final String UNDESIRABLE = "rows/rejected";

  private final double beta;
  private final double desirableWeight;
  private final double undesirableWeight;
  private final int chunkTokens;
  private final double kl;

  /**
   * KTO.
   *
   * @param beta above 0; the larger, the closer the model stays to the reference
   * @param desirableWeight above 0, of rows with desirable answers
   * @param undesirableWeight above 0, of the others
   * @param chunkTokens labels whose logits are computed at once
   * @throws org.tune4j.UsageException when a number is out of its range
   */
  @Component("kto_loss")
  public KtoLoss(
      @Doc("the larger, the closer the model stays to the reference") @Default("0.1") double beta,
      @Doc("weight of rows with desirable answers") @Default("1") double desirableWeight,
      @Doc("weight of rows with undesirable answers") @Default("1") double undesirableWeight,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    this(beta, desirableWeight, undesirableWeight, chunkTokens, 0);
    new Requirements()
        .that(beta > 0, "beta is %s, expected a number above 0".formatted(beta))
        .that(
            desirableWeight > 0,
            "desirable_weight is %s, expected a number above 0".formatted(desirableWeight))
        .that(
            undesirableWeight > 0,
            "undesirable_weight is %s, expected a number above 0".formatted(undesirableWeight))
        .atLeast(1, "chunk_tokens", chunkTokens)
        .check();
  }

  private KtoLoss(
      double beta, double desirableWeight, double undesirableWeight, int chunkTokens, double kl) {
    this.beta = beta;
    this.desirableWeight = desirableWeight;
    this.undesirableWeight = undesirableWeight;
    this.chunkTokens = chunkTokens;
    this.kl = kl;
  }

  @Override
  public int chunkTokens() {
    return chunkTokens;
  }

  @Override
  public Rating rating() {
    return Rating.EACH;
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  public long count(long rows, long labelTokens) {
    return rows;
  }

  @Override
  public List<String> metrics() {
    return List.of(
        PairLoss.CHOSEN,
        PairLoss.REJECTED,
        PairLoss.CHOSEN_LOG_PROBS,
        PairLoss.REJECTED_LOG_PROBS,
        KL,
        DESIRABLE,
        UNDESIRABLE);
  }

  /** Those of desirable rows are their means, and so on; without such rows there is none. */
  @Override
  public Map<String, Double> means(Map<String, Double> sums, long count) {
    Map<String, Double> means = new LinkedHashMap<>();
    for (String name : List.of(PairLoss.CHOSEN, PairLoss.CHOSEN_LOG_PROBS)) {
      put(means, name, sums, sums.getOrDefault(DESIRABLE, 0.0));
    }
    for (String name : List.of(PairLoss.REJECTED, PairLoss.REJECTED_LOG_PROBS)) {
      put(means, name, sums, sums.getOrDefault(UNDESIRABLE, 0.0));
    }
    Double chosen = means.get(PairLoss.CHOSEN);
    Double rejected = means.get(PairLoss.REJECTED);
    if (chosen != null && rejected != null) {
      means.put(PairLoss.MARGINS, chosen - rejected);
    }
    put(means, KL, sums, (double) count);
    return means;
  }

  private static void put(
      Map<String, Double> means, String name, Map<String, Double> sums, double count) {
    if (count > 0) {
      means.put(name, sums.getOrDefault(name, 0.0) / count);
    }
  }

  @Override
  public Objective of(MicroBatch batch) {
    List<MicroBatch.Row> rows = batch.rows();
    List<MicroBatch.Row> mismatched = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      MicroBatch.Row before = rows.get(i == 0 ? rows.size() - 1 : i - 1);
      mismatched.add(answered(rows.get(i), before, batch.longest()));
    }
    double grown = batch.evaluate(mismatched, new Growth(chunkTokens)).loss();
    return new KtoLoss(
        beta,
        desirableWeight,
        undesirableWeight,
        chunkTokens,
        Math.max(0, grown / Math.max(1, rows.size())));
  }

  /** A row's prompt with another's answer. */
  private static MicroBatch.Row answered(
      MicroBatch.Row prompt, MicroBatch.Row answer, int longest) {
    int asked = beforeAnswer(prompt);
    int from = beforeAnswer(answer);
    int length = Math.min(longest, asked + 1 + answer.tokens().length - from - 1);
    int[] tokens = Arrays.copyOf(prompt.tokens(), length);
    int[] labels = new int[length];
    Arrays.fill(labels, -100);
    for (int i = asked; i < length; i++) {
      labels[i] = i + 1 < length ? answer.labels()[from + i - asked] : -100;
      if (i > asked) {
        tokens[i] = answer.tokens()[from + i - asked];
      }
    }
    return new MicroBatch.Row(tokens, labels, Double.NaN);
  }

  /** The last token of a row's prompt. */
  private static int beforeAnswer(MicroBatch.Row row) {
    return IntStream.range(0, row.labels().length)
        .filter(i -> row.labels()[i] != -100)
        .findFirst()
        .orElse(row.labels().length - 1);
  }

  /** How much likelier answers have become in all; only its sum is asked for. */
  private record Growth(int chunkTokens) implements Objective {
    @Override
    public boolean needsReference() {
      return true;
    }

    @Override
    public long count(long rows, long labelTokens) {
      return rows;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      double now = Arrays.stream(rows.logProbabilities()).sum();
      return Sums.of(now - Arrays.stream(rows.referenceLogProbabilities()).sum());
    }
  }

  @Override
  public Sums evaluate(RowsAtHead rows) {
    double[] policy = rows.logProbabilities();
    double[] reference = rows.referenceLogProbabilities();
    double[] weights = new double[policy.length];
    Sums sums = Sums.ZERO;
    for (int i = 0; i < policy.length; i++) {
      boolean desirable = rows.rating(i) > 0;
      double sign = desirable ? 1 : -1;
      double weight = desirable ? desirableWeight : undesirableWeight;
      double grown = policy[i] - reference[i];
      double bad = 1 / (1 + Math.exp(sign * beta * (grown - kl)));
      weights[i] = -weight * sign * beta * bad * (1 - bad);
      sums =
          sums.plus(
              new Sums(
                  weight * bad,
                  Map.of(
                      desirable ? PairLoss.CHOSEN : PairLoss.REJECTED,
                      beta * grown,
                      desirable ? PairLoss.CHOSEN_LOG_PROBS : PairLoss.REJECTED_LOG_PROBS,
                      policy[i],
                      desirable ? DESIRABLE : UNDESIRABLE,
                      1.0,
                      KL,
                      kl)));
    }
    rows.backward(weights);
    return sums;
  }
}
