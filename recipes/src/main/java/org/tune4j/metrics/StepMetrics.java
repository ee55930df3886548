package org.tune4j.metrics;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one step reports.
 *
 * @param step from 1
 * @param epoch from 0
 * @param loss the objective's mean, such as over the step's label tokens
 * @param lr the rate that the update used
 * @param gradNorm global L2 norm before clipping
 * @param labelTokens tokens that were trained on
 * @param tokens all tokens; there is no padding
 * @param seconds wall clock of the step
 * @param rssMb resident size of the process in MiB
 * @param valLoss mean over the validation rows' label tokens after this step, null where it was not
 *     taken
 * @param scores of evaluation tasks after this step, as {@code eval_TASK_METRIC}; empty where none
 *     was run
 * @param ranks null where there is one
 * @param objective means of what the objective tells besides its loss, by name; empty for most
 */
public record StepMetrics(
    long step,
    int epoch,
    double loss,
    double lr,
    double gradNorm,
    long labelTokens,
    long tokens,
    double seconds,
    long rssMb,
    @Nullable Double valLoss,
    Map<String, Double> scores,
    @Nullable RankMetrics ranks,
    Map<String, Double> objective) {
  /** The objective's name for the mean reward of sampled answers, which says more than a loss. */
  public static final String REWARD = "rewards/mean";

  /**
   * What several ranks report besides.
   *
   * @param commSeconds that rank 0 waited for the others in this step
   * @param rssMb resident sizes of their processes in MiB
   */
  public record RankMetrics(double commSeconds, List<Long> rssMb) {
    public RankMetrics {
      rssMb = List.copyOf(rssMb);
    }
  }

  /** Copies the scores. */
  public StepMetrics {
    objective = Collections.unmodifiableMap(new LinkedHashMap<>(objective));
    scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
  }

  /** {@return the loss, and the mean reward where answers were sampled, for people} */
  String result() {
    Double reward = objective.get(REWARD);
    return String.format(Locale.ROOT, "loss %.4f", loss)
        + (reward == null ? "" : String.format(Locale.ROOT, "  reward %.4f", reward));
  }

  /** {@return tokens, trained on or not, by the seconds of the step} */
  public double tokensPerSecond() {
    return tokens / Math.max(seconds, 1e-9);
  }

  /**
   * {@return all but the step, in order, by the names that {@code metrics.jsonl} and every logger
   * use}
   */
  public Map<String, Number> values() {
    Map<String, Number> all = new LinkedHashMap<>();
    all.put("epoch", epoch);
    all.put("loss", loss);
    all.put("lr", lr);
    all.put("grad_norm", gradNorm);
    all.put("label_tokens", labelTokens);
    all.put("tokens", tokens);
    all.put("seconds", seconds);
    all.put("tokens_per_second", tokensPerSecond());
    all.put("rss_mb", rssMb);
    if (valLoss != null) {
      all.put("val_loss", valLoss);
    }
    if (ranks != null) {
      all.put("comm_seconds", ranks.commSeconds);
      for (int r = 0; r < ranks.rssMb.size(); r++) {
        all.put("rss_mb_rank_" + r, ranks.rssMb.get(r));
      }
    }
    all.putAll(objective);
    all.putAll(scores);
    return all;
  }
}
