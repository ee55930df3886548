package org.tune4j.training;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Work;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Sums of gradients of one step, in fp32 or wider, one a parameter. */
public final class Gradients {
  /** Elements that ranks exchange at once: 25 MiB in fp32. */
  private static final long BUCKET = 6_553_600;

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

  /** Sums of some parameters, on their way to all ranks and back. */
  private record Bucket(List<Tensor> sums, Tensor together, Work work) {}

  /**
   * Adds the other ranks' sums, so that all have the same. A bucket is put together while those
   * before it are under way.
   */
  void allReduce(ProcessGroup ranks) {
    if (ranks.worldSize() == 1) {
      return;
    }
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<Bucket> buckets = new ArrayList<>();
      for (int from = 0; from < sums.size(); ) {
        int to = endOfBucket(from);
        List<Tensor> some = sums.subList(from, to);
        Tensor together = Tensor.cat(some.stream().map(t -> t.reshape(-1)).toList(), 0);
        buckets.add(new Bucket(some, together, ranks.allReduce(together)));
        from = to;
      }
      for (Bucket b : buckets) {
        b.work.await();
        long at = 0;
        for (Tensor t : b.sums) {
          long n = t.shape().elements();
          t.copyFrom(b.together.narrow(0, at, n).reshape(t.shape().toArray()));
          at += n;
        }
      }
    }
  }

  private int endOfBucket(int from) {
    int to = from;
    long elements = 0;
    while (to < sums.size()
        && sums.get(to).dtype() == sums.get(from).dtype()
        && (to == from || elements + sums.get(to).shape().elements() <= BUCKET)) {
      elements += sums.get(to++).shape().elements();
    }
    return to;
  }

  /** Adds what one pass has collected; a parameter without a gradient adds nothing. */
  void add(Map<Parameter, Tensor> gradients) {
    try (Engine.NoGradient off = engine.noGradient()) {
      for (int i = 0; i < sums.size(); i++) {
        Tensor g = gradients.get(parameters.get(i));
        if (g != null) {
          received.set(i);
          try (TensorScope scope = engine.openScope()) {
            List<Tensor> parts = g.pieces(Optimizer.PIECE);
            List<Tensor> totals = sums.get(i).pieces(Optimizer.PIECE);
            for (int k = 0; k < parts.size(); k++) {
              try (TensorScope piece = engine.openScope()) {
                totals.get(k).copyFrom(totals.get(k).add(widen(parts.get(k))));
              }
            }
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
    return mean(count, maxNorm, ProcessGroup.alone(engine));
  }

  /**
   * The same where each rank has a stretch of the parameters.
   *
   * @param spread the ranks whose stretches make up one gradient
   */
  Mean mean(long count, double maxNorm, ProcessGroup spread) {
    double squares = 0;
    for (Tensor sum : sums) {
      try (TensorScope scope = engine.openScope()) {
        for (Tensor part : sum.pieces(Optimizer.PIECE)) {
          try (TensorScope piece = engine.openScope()) {
            squares += part.mul(part).sum().item();
          }
        }
      }
    }
    double norm = Math.sqrt(spread.sum(squares)) / count;
    double factor = Math.min(1, maxNorm / (norm + 1e-6)) / count;
    List<Tensor> scaled = new ArrayList<>();
    for (int i = 0; i < sums.size(); i++) {
      scaled.add(scaled(sums.get(i), factor, parameters.get(i).dtype()));
    }
    return new Mean(scaled, norm);
  }

  private Tensor scaled(Tensor sum, double factor, DType dtype) {
    try (TensorScope scope = engine.openScope()) {
      if (sum.shape().elements() <= Optimizer.PIECE) {
        return scope.moveOut(narrow(sum.mul(factor), dtype));
      }
      Tensor target = engine.zeros(dtype, sum.shape());
      List<Tensor> from = sum.pieces(Optimizer.PIECE);
      List<Tensor> to = target.pieces(Optimizer.PIECE);
      for (int k = 0; k < from.size(); k++) {
        try (TensorScope piece = engine.openScope()) {
          to.get(k).copyFrom(from.get(k).mul(factor));
        }
      }
      return scope.moveOut(target);
    }
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
