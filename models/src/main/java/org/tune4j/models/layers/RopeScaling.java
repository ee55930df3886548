package org.tune4j.models.layers;

import org.tune4j.UsageException;

/**
 * Llama 3.1's stretching of rotary frequencies ({@code rope_type: llama3}): wavelengths above
 * {@code originalMaxSeqLen / lowFreqFactor} are multiplied by {@code factor}, those below {@code
 * originalMaxSeqLen / highFreqFactor} kept, those between blended.
 *
 * @param factor 1 or more
 * @param lowFreqFactor above 0
 * @param highFreqFactor above {@code lowFreqFactor}
 * @param originalMaxSeqLen tokens of the context before stretching, 1 or more
 */
public record RopeScaling(
    double factor, double lowFreqFactor, double highFreqFactor, int originalMaxSeqLen) {
  /** Checks the values. */
  public RopeScaling {
    if (factor < 1 || lowFreqFactor <= 0 || highFreqFactor <= lowFreqFactor) {
      throw new UsageException(
          "rope_scaling: factor %s, low_freq_factor %s, high_freq_factor %s; expected factor >= 1 and 0 < low < high"
              .formatted(factor, lowFreqFactor, highFreqFactor));
    }
    if (originalMaxSeqLen <= 0) {
      throw new UsageException(
          "rope_scaling: original_max_position_embeddings is %d, expected 1 or more"
              .formatted(originalMaxSeqLen));
    }
  }

  /** As in {@code config.json}. */
  @Override
  public String toString() {
    return "{factor: %s, low_freq_factor: %s, high_freq_factor: %s, original_max_position_embeddings: %d}"
        .formatted(factor, lowFreqFactor, highFreqFactor, originalMaxSeqLen);
  }
}
