package org.tune4j.models.layers;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.RopeScaling.Frequencies;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Cosines and sines of rotary position embedding (Su et al. 2021), rounded where Hugging Face
 * rounds: frequencies and angles are fp32. Kernels rotate element {@code i} with element {@code i +
 * headDim / 2} of a head; {@link #arrange} moves the elements of other layouts there, which changes
 * no score, as queries and keys are moved alike.
 */
public final class RotaryEmbedding {
  private final int headDim;
  private final Frequencies frequencies;
  private final int rotated;
  private final boolean interleaved;
  private final @Nullable RopeScaling scaling;
  private final double queryBeta;
  private final int queryLength;

  /**
   * All elements of a head, the first half with the second.
   *
   * @param headDim width of a head, even
   * @param theta base of the frequencies
   * @param scaling null where frequencies are used as they are
   */
  public RotaryEmbedding(int headDim, double theta, @Nullable RopeScaling scaling) {
    this(headDim, new Frequencies(theta, headDim), headDim, false, scaling, 0, 1);
  }

  private RotaryEmbedding(
      int headDim,
      Frequencies frequencies,
      int rotated,
      boolean interleaved,
      @Nullable RopeScaling scaling,
      double queryBeta,
      int queryLength) {
    this.headDim = headDim;
    this.frequencies = frequencies;
    this.rotated = rotated;
    this.interleaved = interleaved;
    this.scaling = scaling;
    this.queryBeta = queryBeta;
    this.queryLength = queryLength;
  }

  /**
   * {@return no rotation (NoPE)}
   *
   * @param headDim width of a head, even
   */
  public static RotaryEmbedding none(int headDim) {
    return new RotaryEmbedding(headDim, new Frequencies(1, headDim), 0, false, null, 0, 1);
  }

  /**
   * {@return the same of the first elements of a head alone, with the frequencies of so many}
   *
   * @param elements even
   */
  public RotaryEmbedding ofFirst(int elements) {
    return new RotaryEmbedding(
        headDim,
        new Frequencies(frequencies.theta(), elements),
        elements,
        interleaved,
        scaling,
        queryBeta,
        queryLength);
  }

  /** {@return the same of each element with the next one} */
  public RotaryEmbedding ofNeighbours() {
    return new RotaryEmbedding(
        headDim, frequencies, rotated, true, scaling, queryBeta, queryLength);
  }

  /**
   * {@return the same, with queries multiplied by {@code 1 + beta log(1 + floor(position /
   * length))}, as Llama 4 does}
   *
   * @param beta 0 for no factor
   * @param length of the context before stretching
   */
  public RotaryEmbedding scalingQueries(double beta, int length) {
    return new RotaryEmbedding(headDim, frequencies, rotated, interleaved, scaling, beta, length);
  }

  /** {@return whether elements are moved before kernels rotate them} */
  private boolean partly() {
    return rotated > 0 && rotated < headDim;
  }

  /**
   * {@return queries or keys with the elements that rotate together half a head apart}
   *
   * @param x {@code [tokens, heads, headDim]}
   */
  public Tensor arrange(Tensor x) {
    if (rotated == 0 || (!interleaved && !partly())) {
      return x;
    }
    long n = x.size(0);
    long heads = x.size(1);
    Tensor turned = rotated == headDim ? x : x.narrow(2, 0, rotated);
    if (interleaved) {
      turned =
          turned
              .reshape(n, heads, rotated / 2, 2)
              .transpose(2, 3)
              .contiguous()
              .reshape(n, heads, rotated);
    }
    if (!partly()) {
      return turned;
    }
    int half = rotated / 2;
    int kept = (headDim - rotated) / 2;
    return Tensor.cat(
        List.of(
            turned.narrow(2, 0, half),
            x.narrow(2, rotated, kept),
            turned.narrow(2, half, half),
            x.narrow(2, rotated + kept, kept)),
        2);
  }

  /**
   * What the layers of a pass share.
   *
   * @param cos {@code [tokens, 1, headDim / 2]}
   * @param sin as {@code cos}
   * @param queryScale {@code [tokens, 1, 1]}, which queries are multiplied by; null for none
   */
  public record Tables(Tensor cos, Tensor sin, @Nullable Tensor queryScale) {
    /**
     * {@return those of some tokens of the pass}
     *
     * @param from the first token
     * @param n how many
     */
    public Tables narrow(int from, int n) {
      return new Tables(
          cos.narrow(0, from, n),
          sin.narrow(0, from, n),
          queryScale == null ? null : queryScale.narrow(0, from, n));
    }

    /** {@return tables of as many tokens that rotate nothing} */
    public Tables still() {
      return new Tables(cos.mul(0).add(1), sin.mul(0), null);
    }

    /**
     * {@return queries with their factors}
     *
     * @param q {@code [tokens, heads, headDim]}
     */
    public Tensor scaled(Tensor q) {
      return queryScale == null ? q : q.mul(queryScale);
    }
  }

  /**
   * {@return tables of the tokens' positions, in fp32, fp64 for an fp64 model; owned by the calling
   * thread's scope}
   *
   * @param engine that makes them
   * @param positions of the tokens; a row's are consecutive
   * @param dtype the model's
   */
  public Tables tables(Engine engine, int[] positions, DType dtype) {
    int half = headDim / 2;
    float[] cos = new float[positions.length * half];
    float[] sin = new float[cos.length];
    // Rows share positions: each angle is computed once for the rows of one length.
    Map<Integer, Angles> angles = new HashMap<>();
    for (int from = 0; from < positions.length; ) {
      int to = from + 1;
      while (to < positions.length && positions[to] == positions[to - 1] + 1) {
        to++;
      }
      int length = frequencyLength(positions[to - 1] + 1);
      Angles row = angles.computeIfAbsent(length, l -> new Angles(inverse(l), factor(l)));
      for (int t = from; t < to; t++) {
        row.write(positions[t], cos, sin, t * half);
      }
      from = to;
    }
    Shape shape = Shape.of(positions.length, 1, half);
    DType wide = dtype == DType.FP64 ? DType.FP64 : DType.FP32;
    return new Tables(
        engine.tensor(cos, wide, shape),
        engine.tensor(sin, wide, shape),
        queryBeta == 0 ? null : queryScale(engine, positions, dtype));
  }

  /** The cosines and sines of one set of frequencies, by position. */
  private static final class Angles {
    private final float[] inverse;
    private final double[] factor;
    private final Map<Integer, float[]> known = new HashMap<>();

    Angles(float[] inverse, double[] factor) {
      this.inverse = inverse;
      this.factor = factor;
    }

    void write(int position, float[] cos, float[] sin, int at) {
      int half = inverse.length;
      float[] both = known.computeIfAbsent(position, this::of);
      System.arraycopy(both, 0, cos, at, half);
      System.arraycopy(both, half, sin, at, half);
    }

    private float[] of(int position) {
      int half = inverse.length;
      float[] both = new float[2 * half];
      for (int i = 0; i < half; i++) {
        float angle = position * inverse[i];
        both[i] = (float) ((float) Math.cos(angle) * factor[i]);
        both[half + i] = (float) ((float) Math.sin(angle) * factor[i]);
      }
      return both;
    }
  }

  /** Rows whose frequencies are the same have the same of these. */
  private int frequencyLength(int length) {
    if (scaling == null || scaling.turningPoint() == 0) {
      return 0;
    }
    return length <= scaling.turningPoint()
        ? 0
        : scaling.followsLength() ? length : scaling.turningPoint() + 1;
  }

  private float[] inverse(int length) {
    float[] all = new float[headDim / 2];
    for (int i = 0; i < rotated / 2; i++) {
      float plain = frequencies.plain(i);
      all[i] = scaling == null ? plain : scaling.frequency(plain, frequencies, i, length);
    }
    return all;
  }

  /** Of the elements that are rotated alone. */
  private double[] factor(int length) {
    double[] all = new double[headDim / 2];
    Arrays.fill(all, 1);
    if (scaling != null) {
      Arrays.fill(all, 0, rotated / 2, (float) scaling.attentionFactor(length));
    }
    return all;
  }

  private Tensor queryScale(Engine engine, int[] positions, DType dtype) {
    float[] scales = new float[positions.length];
    for (int t = 0; t < scales.length; t++) {
      scales[t] =
          (float) (1 + queryBeta * Math.log(1 + Math.floor(positions[t] / (double) queryLength)));
    }
    return engine.tensor(scales, dtype, Shape.of(scales.length, 1, 1));
  }

  /** What it computes, for comparing configs. */
  @Override
  public String toString() {
    return "{theta: %s, rotated: %d of %d, dim: %d, interleaved: %s, scaling: %s, query_beta: %s, query_length: %d}"
        .formatted(
            frequencies.theta(),
            rotated,
            headDim,
            frequencies.dim(),
            interleaved,
            scaling,
            queryBeta,
            queryLength);
  }
}
