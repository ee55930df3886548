package org.tune4j.models.layers;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Cosines and sines of rotary position embedding (Su et al. 2021), rounded where Hugging Face
 * rounds: frequencies and angles are fp32.
 */
public final class RotaryEmbedding {
  private final float[] inverseFrequencies;

  /**
   * The frequencies of a model.
   *
   * @param headDim width of a head, even
   * @param theta base of the frequencies
   * @param scaling null where frequencies are used as they are
   */
  public RotaryEmbedding(int headDim, double theta, @Nullable RopeScaling scaling) {
    int half = headDim / 2;
    inverseFrequencies = new float[half];
    for (int i = 0; i < half; i++) {
      float exponent = 2f * i / headDim;
      float frequency = 1f / (float) Math.pow(theta, exponent);
      inverseFrequencies[i] = scaling == null ? frequency : scale(frequency, scaling);
    }
  }

  private static float scale(float frequency, RopeScaling s) {
    double length = s.originalMaxSeqLen();
    double wavelength = 2 * Math.PI / frequency;
    if (wavelength < length / s.highFreqFactor()) {
      return frequency;
    }
    if (wavelength > length / s.lowFreqFactor()) {
      return (float) (frequency / s.factor());
    }
    double smooth =
        (length / wavelength - s.lowFreqFactor()) / (s.highFreqFactor() - s.lowFreqFactor());
    return (float) ((1 - smooth) * frequency / s.factor() + smooth * frequency);
  }

  /**
   * What the layers of a pass share.
   *
   * @param cos {@code [tokens, 1, headDim / 2]}
   * @param sin as {@code cos}
   */
  public record Tables(Tensor cos, Tensor sin) {
    /**
     * {@return those of some tokens of the pass}
     *
     * @param from the first token
     * @param n how many
     */
    public Tables narrow(int from, int n) {
      return new Tables(cos.narrow(0, from, n), sin.narrow(0, from, n));
    }
  }

  /**
   * {@return tables of the tokens' positions, in fp32, fp64 for an fp64 model; owned by the calling
   * thread's scope}
   *
   * @param engine that makes them
   * @param positions of the tokens
   * @param dtype the model's
   */
  public Tables tables(Engine engine, int[] positions, DType dtype) {
    int half = inverseFrequencies.length;
    int first = Arrays.stream(positions).min().orElseThrow();
    int count = Arrays.stream(positions).max().orElseThrow() - first + 1;
    // Rows share positions: each angle is computed once.
    float[] cosByPosition = new float[count * half];
    float[] sinByPosition = new float[count * half];
    for (int t = 0; t < count; t++) {
      for (int i = 0; i < half; i++) {
        float angle = (first + t) * inverseFrequencies[i];
        cosByPosition[t * half + i] = (float) Math.cos(angle);
        sinByPosition[t * half + i] = (float) Math.sin(angle);
      }
    }
    float[] cos = new float[positions.length * half];
    float[] sin = new float[cos.length];
    for (int t = 0; t < positions.length; t++) {
      int at = (positions[t] - first) * half;
      System.arraycopy(cosByPosition, at, cos, t * half, half);
      System.arraycopy(sinByPosition, at, sin, t * half, half);
    }
    Shape shape = Shape.of(positions.length, 1, half);
    DType wide = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
    return new Tables(engine.tensor(cos, wide, shape), engine.tensor(sin, wide, shape));
  }
}
