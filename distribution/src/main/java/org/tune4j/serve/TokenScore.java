package org.tune4j.serve;

import java.util.ArrayList;
import java.util.List;

/**
 * A token with its log-probability where it stands.
 *
 * @param logprob not a number for a prompt's first token, before which nothing stands
 * @param top the likeliest tokens there, the likeliest first
 */
record TokenScore(int id, double logprob, List<TokenScore> top) {
  static TokenScore unknown(int id) {
    return new TokenScore(id, Double.NaN, List.of());
  }

  /**
   * From the logits before a token.
   *
   * @param count how many of the likeliest are kept
   * @param known ids below this are tokens; the others pad the vocabulary
   */
  static TokenScore of(float[] logits, int id, int count, int known) {
    double highest = Double.NEGATIVE_INFINITY;
    for (float l : logits) {
      highest = Math.max(highest, l);
    }
    double sum = 0;
    for (float l : logits) {
      sum += Math.exp(l - highest);
    }
    double norm = highest + Math.log(sum);
    int[] best = likeliest(logits, count, known);
    List<TokenScore> top = new ArrayList<>();
    for (int b : best) {
      top.add(new TokenScore(b, logits[b] - norm, List.of()));
    }
    return new TokenScore(id, logits[id] - norm, top);
  }

  /** By insertion: only few are asked for. */
  private static int[] likeliest(float[] logits, int count, int known) {
    int[] best = new int[Math.min(count, known)];
    int held = 0;
    for (int i = 0; i < known && best.length > 0; i++) {
      if (held < best.length || logits[i] > logits[best[held - 1]]) {
        int at = held < best.length ? held++ : held - 1;
        while (at > 0 && logits[i] > logits[best[at - 1]]) {
          best[at] = best[at - 1];
          at--;
        }
        best[at] = i;
      }
    }
    return best;
  }
}
