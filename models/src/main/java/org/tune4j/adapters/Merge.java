package org.tune4j.adapters;

import java.util.Map;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Module;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Folds adapters into the weights that they adapt. */
public final class Merge {
  private static final String WEIGHT = ".weight";

  private Merge() {}

  /**
   * {@return a linear's weight with its adapter folded in, {@code [out, in]}, in its type, computed
   * in fp32 or wider and rounded once; belongs to the calling thread's innermost scope}
   *
   * @param engine that computes it, without gradients
   * @param adapter whose parameters have storage; is not changed
   * @param weight {@code W}, of {@code [out, in]}
   */
  public static Tensor weight(Engine engine, Adapter adapter, Tensor weight) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return scope.moveOut(adapter.merge(wide(weight)).cast(weight.dtype()));
    }
  }

  /**
   * {@return the tensor in fp32, or as it is where it is at least as wide; belongs to the innermost
   * scope}
   *
   * @param t of any type
   */
  public static Tensor wide(Tensor t) {
    return t.dtype() == DType.FP32 || t.dtype() == DType.FP64 ? t : t.cast(DType.FP32);
  }

  /**
   * {@return whether merging gives a tied head a weight of its own}
   *
   * @param model with or without adapters
   */
  public static boolean unties(Module model) {
    Map<String, Adapter> adapters = Adapters.of(model);
    return model.sharedNames().keySet().stream()
        .anyMatch(
            n ->
                n.endsWith(WEIGHT)
                    && adapters.containsKey(n.substring(0, n.length() - WEIGHT.length())));
  }
}
