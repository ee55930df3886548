package org.tune4j.training;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Sums of gradients of one step, in fp32 or wider, one a parameter. */
public final class Gradients {
  private final Engine engine;
  private final List<Parameter> parameters;
  private final List<Tensor> sums = new ArrayList<>();
  private final BitSet received = new BitSet();

  /** Zeros, owned by the calling thread's scope. */
  public Gradients(Engine engine, List<Parameter> parameters) {
    this.engine = engine;
    this.parameters = List.copyOf(parameters);
    for (Parameter p : parameters) {
      sums.add(engine.zeros(p.dtype() == DType.FP64 ? DType.FP64 : DType.FP32, p.shape()));
    }
  }

  /** Adds what one pass has collected; a parameter without a gradient adds nothing. */
  void add(Map<Parameter, Tensor> gradients) {
    try (Engine.NoGradient off = engine.noGradient()) {
      for (int i = 0; i < sums.size(); i++) {
        Tensor g = gradients.get(parameters.get(i));
        if (g != null) {
          received.set(i);
          Tensor sum = sums.get(i);
          try (TensorScope scope = engine.openScope()) {
            sum.copyFrom(sum.add(widen(g)));
          }
        }
      }
    }
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
   */
  public Mean mean(long count, double maxNorm) {
    double squares = 0;
    for (Tensor sum : sums) {
      try (TensorScope scope = engine.openScope()) {
        squares += sum.mul(sum).sum().item();
      }
    }
    double norm = Math.sqrt(squares) / count;
    double factor = Math.min(1, maxNorm / (norm + 1e-6)) / count;
    List<Tensor> scaled = new ArrayList<>();
    for (int i = 0; i < sums.size(); i++) {
      try (TensorScope scope = engine.openScope()) {
        Tensor g = sums.get(i).mul(factor);
        scaled.add(scope.moveOut(narrow(g, parameters.get(i).dtype())));
      }
    }
    return new Mean(scaled, norm);
  }

  /** In fp32, or as it is where that is no less. */
  static Tensor widen(Tensor t) {
    return t.dtype() == DType.FP32 || t.dtype() == DType.FP64 ? t : t.cast(DType.FP32);
  }

  /** In this type. */
  static Tensor narrow(Tensor t, DType dtype) {
    return t.dtype() == dtype ? t : t.cast(dtype);
  }

  /**
   * What an update takes.
   *
   * @param gradients one a parameter, owned by the calling thread's scope
   * @param norm the global L2 norm before clipping
   */
  public record Mean(List<Tensor> gradients, double norm) {}
}
