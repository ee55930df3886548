package org.tune4j.generation;

import java.util.Arrays;
import java.util.BitSet;
import org.tune4j.TrainingException;
import org.tune4j.tensor.RandomBits;

/** Chooses one text's tokens from logits, as transformers' processors and warpers do. */
final class Sampler {
  private final SamplingOptions options;
  private final long seed;
  private final BitSet seen = new BitSet();
  private long drawn;

  /**
   * For one text.
   *
   * @param index of the prompt, so that equal prompts give different texts
   */
  Sampler(SamplingOptions options, int index, int[] prompt) {
    this.options = options;
    this.seed = RandomBits.bits(options.seed(), index);
    for (int id : prompt) {
      seen.set(id);
    }
  }

  /**
   * The next token.
   *
   * @param logits of every token; overwritten
   */
  int next(float[] logits) {
    penalise(logits);
    int id = options.temperature() == 0 ? likeliest(logits) : draw(logits);
    if (!Float.isFinite(logits[id])) {
      throw new TrainingException(
          "the logit of token %d is %s; the weights or the adapter are broken, or fp16 overflows: use dtype fp32 or bf16"
              .formatted(id, logits[id]));
    }
    seen.set(id);
    return id;
  }

  private void penalise(float[] logits) {
    float penalty = (float) options.repetitionPenalty();
    if (penalty == 1) {
      return;
    }
    for (int id = seen.nextSetBit(0); id >= 0; id = seen.nextSetBit(id + 1)) {
      logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
    }
  }

  private static int likeliest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      // Not a number goes before all, so that it is not passed over in silence.
      if (logits[i] > logits[best] || Float.isNaN(logits[i])) {
        best = i;
      }
    }
    return best;
  }

  private int draw(float[] logits) {
    int[] order = byLikelihood(logits);
    int kept = options.topK() == 0 ? order.length : Math.min(options.topK(), order.length);
    while (kept < order.length && logits[order[kept]] == logits[order[kept - 1]]) {
      kept++;
    }
    double[] weights = new double[kept];
    double highest = logits[order[0]];
    double sum = 0;
    for (int i = 0; i < kept; i++) {
      weights[i] = Math.exp((logits[order[i]] - highest) / options.temperature());
      sum += weights[i];
    }
    if (options.topP() < 1) {
      double wanted = options.topP() * sum;
      int n = 0;
      sum = 0;
      while (n < kept && (n == 0 || sum < wanted)) {
        sum += weights[n++];
      }
      kept = n;
    }
    double left = sum * (RandomBits.bits(seed, drawn++) >>> 11) * 0x1.0p-53;
    int i = 0;
    while (i < kept - 1 && left >= weights[i]) {
      left -= weights[i++];
    }
    return order[i];
  }

  /** Token ids, the likeliest first, equally likely ones by id. */
  private static int[] byLikelihood(float[] logits) {
    long[] keys = new long[logits.length];
    for (int i = 0; i < keys.length; i++) {
      int bits = Float.floatToIntBits(logits[i]);
      int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
      keys[i] = ((long) ~ascending << 32) | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(k -> (int) k).toArray();
  }
}
