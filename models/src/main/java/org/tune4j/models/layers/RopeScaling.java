package org.tune4j.models.layers;

import java.util.List;
import org.tune4j.UsageException;

/**
 * How rotary frequencies are changed for longer rows than a model was first trained on: {@code
 * rope_type} in {@code config.json}. What is computed is rounded where transformers rounds.
 */
public sealed interface RopeScaling {
  /**
   * {@return a frequency as it is used}
   *
   * @param plain {@code theta^(-2 i / dim)}
   * @param of the frequencies that it is one of
   * @param index {@code i}
   * @param length of the row
   */
  float frequency(float plain, Frequencies of, int index, int length);

  /**
   * {@return the factor of cosines and sines}
   *
   * @param length of the row
   */
  default double attentionFactor(int length) {
    return 1;
  }

  /**
   * {@return rows up to this length have one set of frequencies, those above another; 0 for one}
   */
  default int turningPoint() {
    return 0;
  }

  /** {@return whether every length above {@link #turningPoint} has frequencies of its own} */
  default boolean followsLength() {
    return false;
  }

  /**
   * Plain frequencies.
   *
   * @param theta their base
   * @param dim elements of a head that are rotated
   */
  record Frequencies(double theta, int dim) {
    float plain(int i) {
      return plain(theta, i);
    }

    private float plain(double base, int i) {
      return 1f / (float) Math.pow(base, 2f * i / dim);
    }
  }

  /**
   * The first {@code part} of the pairs alone, with the frequencies of all ({@code proportional}).
   */
  record Proportional(double part, double factor) implements RopeScaling {
    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      return index < (int) (part * of.dim / 2) ? plain / (float) factor : 0;
    }
  }

  /** All wavelengths {@code factor} times as long ({@code linear}). */
  record Linear(double factor) implements RopeScaling {
    /** Checks the factor. */
    public Linear {
      atLeastOne(factor);
    }

    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      return plain / (float) factor;
    }
  }

  /**
   * A larger base for rows longer than {@code originalMaxSeqLen} ({@code dynamic}): NTK-aware
   * scaling.
   */
  record Dynamic(double factor, int originalMaxSeqLen) implements RopeScaling {
    /** Checks the factor. */
    public Dynamic {
      atLeastOne(factor);
    }

    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      if (length <= originalMaxSeqLen) {
        return plain;
      }
      double stretched = factor * length / originalMaxSeqLen - (factor - 1);
      return of.plain(of.theta * Math.pow(stretched, of.dim / (of.dim - 2.0)), index);
    }

    @Override
    public int turningPoint() {
      return originalMaxSeqLen;
    }

    @Override
    public boolean followsLength() {
      return true;
    }
  }

  /**
   * Llama 3.1's ({@code llama3}): wavelengths above {@code originalMaxSeqLen / lowFreqFactor} are
   * multiplied by {@code factor}, those below {@code originalMaxSeqLen / highFreqFactor} kept,
   * those between blended.
   *
   * @param factor 1 or more
   * @param lowFreqFactor above 0
   * @param highFreqFactor above {@code lowFreqFactor}
   * @param originalMaxSeqLen tokens of the context before stretching, 1 or more
   */
  record Llama3(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxSeqLen)
      implements RopeScaling {
    /** Checks the values. */
    public Llama3 {
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

    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      double original = originalMaxSeqLen;
      double wavelength = 2 * Math.PI / plain;
      if (wavelength < original / highFreqFactor) {
        return plain;
      }
      if (wavelength > original / lowFreqFactor) {
        return (float) (plain / factor);
      }
      double smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
      return (float) ((1 - smooth) * plain / factor + smooth * plain);
    }

    /** As in {@code config.json}. */
    @Override
    public String toString() {
      return "{factor: %s, low_freq_factor: %s, high_freq_factor: %s, original_max_position_embeddings: %d}"
          .formatted(factor, lowFreqFactor, highFreqFactor, originalMaxSeqLen);
    }
  }

  /**
   * Short wavelengths kept, long ones stretched, those between blended ({@code yarn}; Peng et al.
   * 2023).
   *
   * @param factor 1 or more
   * @param betaFast rotations within the original context above which a wavelength is kept
   * @param betaSlow rotations below which it is stretched
   * @param originalMaxSeqLen tokens of the context before stretching
   * @param truncate whether the borders between them are rounded to whole dimensions
   * @param attentionFactor of cosines and sines
   */
  record Yarn(
      double factor,
      double betaFast,
      double betaSlow,
      int originalMaxSeqLen,
      boolean truncate,
      double attentionFactor)
      implements RopeScaling {
    /** Checks the factor. */
    public Yarn {
      atLeastOne(factor);
    }

    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      double low = border(of, betaFast);
      double high = border(of, betaSlow);
      low = Math.max(truncate ? Math.floor(low) : low, 0);
      high = Math.min(truncate ? Math.ceil(high) : high, of.dim - 1);
      double width = low == high ? 0.001 : high - low;
      float ramp = (float) Math.min(1, Math.max(0, (index - low) / width));
      float kept = 1 - ramp;
      return plain / (float) factor * (1 - kept) + plain * kept;
    }

    /** The dimension whose wavelength fits so many times into the original context. */
    private double border(Frequencies of, double rotations) {
      return of.dim
          * Math.log(originalMaxSeqLen / (rotations * 2 * Math.PI))
          / (2 * Math.log(of.theta));
    }

    @Override
    public double attentionFactor(int length) {
      return attentionFactor;
    }
  }

  /**
   * A factor for each frequency, others for rows longer than {@code originalMaxSeqLen} ({@code
   * longrope}; Ding et al. 2024).
   *
   * @param shortFactor of rows up to that length
   * @param longFactor of longer rows
   * @param originalMaxSeqLen tokens of the context before stretching
   * @param attentionFactor of cosines and sines
   */
  record LongRope(
      List<Double> shortFactor,
      List<Double> longFactor,
      int originalMaxSeqLen,
      double attentionFactor)
      implements RopeScaling {
    /** Copies the factors. */
    public LongRope {
      shortFactor = List.copyOf(shortFactor);
      longFactor = List.copyOf(longFactor);
    }

    @Override
    public float frequency(float plain, Frequencies of, int index, int length) {
      List<Double> factors = length > originalMaxSeqLen ? longFactor : shortFactor;
      float power = (float) Math.pow(of.theta, 2f * index / of.dim);
      return 1f / (factors.get(index).floatValue() * power);
    }

    @Override
    public double attentionFactor(int length) {
      return attentionFactor;
    }

    @Override
    public int turningPoint() {
      return originalMaxSeqLen;
    }
  }

  private static void atLeastOne(double factor) {
    if (!(factor >= 1)) {
      throw new UsageException("rope_scaling: factor is %s, expected 1 or more".formatted(factor));
    }
  }
}
