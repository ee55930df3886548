package org.tune4j.training;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Chunks;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Sums of gradients of one step, in fp32 or wider, one a parameter. They lie end to end in buckets,
 * the last parameters' first, as backward comes to them.
 */
public final class Gradients {
  /** Elements that ranks exchange at once: 25 MiB in fp32. */
  private static final long BUCKET = 6_553_600;

  private final Engine engine;
  private final List<Parameter> parameters;
  private final Tensor[] sums;
  private final List<Bucket> buckets = new ArrayList<>();
  private final BitSet received = new BitSet();

  /**
   * Sums that are exchanged together.
   *
   * @param first position of its parameters
   * @param end the position after its last
   * @param sums {@code [n]}, which the parameters' own are views of
   */
  record Bucket(int first, int end, Tensor sums) {}

  /**
   * Zeros, owned by the calling thread's innermost scope.
   *
   * @param engine that computes them
   * @param parameters in the optimiser's order
   */
  public Gradients(Engine engine, List<Parameter> parameters) {
    this(engine, parameters, BUCKET);
  }

  /** The same with buckets of so many elements. */
  Gradients(Engine engine, List<Parameter> parameters, long bucket) {
    this.engine = engine;
    this.parameters = List.copyOf(parameters);
    sums = new Tensor[parameters.size()];
    for (int end = sums.length; end > 0; end = buckets.get(buckets.size() - 1).first) {
      DType dtype = wide(end - 1);
      int first = end - 1;
      long n = elements(first);
      while (first > 0 && wide(first - 1) == dtype && n + elements(first - 1) <= bucket) {
        n += elements(--first);
      }
      Tensor together = engine.zeros(dtype, Shape.of(n));
      buckets.add(new Bucket(first, end, together));
      long at = 0;
      for (int i = first; i < end; at += elements(i++)) {
        sums[i] = together.narrow(0, at, elements(i)).reshape(parameters.get(i).shape().toArray());
      }
    }
  }

  private DType wide(int i) {
    return parameters.get(i).dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
  }

  private long elements(int i) {
    return parameters.get(i).shape().elements();
  }

  /** In the order in which backward comes to them. */
  List<Bucket> buckets() {
    return buckets;
  }

  List<Parameter> parameters() {
    return parameters;
  }

  /**
   * Adds what one pass has collected; a parameter without a gradient adds nothing.
   *
   * @param gradients by parameter
   */
  public void add(Map<Parameter, Tensor> gradients) {
    for (int i = 0; i < sums.length; i++) {
      Tensor g = gradients.get(parameters.get(i));
      if (g != null) {
        add(i, g);
      }
    }
  }

  /** Adds to the sum of the parameter in this position. */
  void add(int i, Tensor gradient) {
    received.set(i);
    Chunks.forEach(
        List.of(sums[i], gradient), t -> t.get(0).copyFrom(t.get(0).add(widen(t.get(1)))));
  }

  /** The positions of the parameters that no loss has depended on. */
  List<Integer> missing() {
    return IntStream.range(0, parameters.size()).filter(i -> !received.get(i)).boxed().toList();
  }

  /**
   * The gradients of a mean over {@code count}, as updates take them: divided, clipped to {@code
   * maxNorm} as PyTorch clips, in the parameters' types.
   *
   * @param count the step's label tokens
   * @param maxNorm the largest global L2 norm, or infinity
   * @return in the order of the parameters, owned by the calling thread's innermost scope
   */
  public Mean mean(long count, double maxNorm) {
    return mean(count, maxNorm, ProcessGroup.alone(engine));
  }

  /**
   * The same where each rank has a range of the parameters.
   *
   * @param spread the ranks whose ranges make up one gradient
   */
  Mean mean(long count, double maxNorm, ProcessGroup spread) {
    double[] squares = {0};
    for (Tensor sum : sums) {
      Chunks.forEach(List.of(sum), t -> squares[0] += square(t.get(0)));
    }
    double norm = Math.sqrt(spread.sum(squares[0])) / count;
    double factor = Math.min(1, maxNorm / (norm + 1e-6)) / count;
    List<Tensor> scaled = new ArrayList<>();
    for (int i = 0; i < sums.length; i++) {
      scaled.add(scaled(sums[i], factor, parameters.get(i).dtype()));
    }
    return new Mean(scaled, norm);
  }

  private Tensor scaled(Tensor sum, double factor, DType dtype) {
    Tensor target = engine.zeros(dtype, sum.shape());
    Chunks.forEach(List.of(sum, target), t -> t.get(1).copyFrom(t.get(0).mul(factor)));
    return target;
  }

  /** The squared L2 norm. */
  static double square(Tensor t) {
    return t.mul(t).sum().item();
  }

  /** In fp32, or as it is where that is no less. */
  static Tensor widen(Tensor t) {
    return t.dtype() == DType.FP32 || t.dtype() == DType.FP64 ? t : t.cast(DType.FP32);
  }

  /**
   * What an update takes.
   *
   * @param gradients one a parameter, owned by the calling thread's scope
   * @param norm the global L2 norm before clipping
   */
  public record Mean(List<Tensor> gradients, double norm) {}
}
