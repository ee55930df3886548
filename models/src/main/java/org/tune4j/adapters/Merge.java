package org.tune4j.adapters;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tune4j.UsageException;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Folds adapters into the weights that they adapt. */
public final class Merge {

  private Merge() {}

  /**
   * {@return a parameter of an adapted module with the adapter folded in, in its type, computed in
   * fp32 or wider and rounded once; belongs to the calling thread's innermost scope}
   *
   * @param engine that computes it, without gradients
   * @param adapter whose parameters have storage; is not changed
   * @param parameter one that it changes, by its name below the module's path
   * @param value its values
   */
  public static Tensor of(Engine engine, Adapter adapter, String parameter, Tensor value) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return scope.moveOut(adapter.merge(parameter, wide(value)).cast(value.dtype()));
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
   * Checks that a model's adapters can be merged.
   *
   * @param model with or without adapters
   * @throws UsageException naming the first that cannot
   */
  public static void requirePossible(Module model) {
    Adapters.of(model)
        .forEach(
            (path, adapter) ->
                adapter
                    .unmergeable()
                    .ifPresent(
                        why -> {
                          throw new UsageException(
                              "the adapter of '%s' cannot be merged: %s".formatted(path, why));
                        }));
  }

  /**
   * {@return the adapter that changes a parameter, with the parameter's name below its module;
   * empty where none does}
   *
   * @param adapters by the full names of what they change
   * @param name full name of the parameter
   */
  public static Optional<Map.Entry<String, Adapter>> changing(
      Map<String, Adapter> adapters, String name) {
    for (int dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      Adapter adapter = adapters.get(name.substring(0, dot));
      String own = name.substring(dot + 1);
      if (adapter != null && adapter.changes(own)) {
        return Optional.of(Map.entry(own, adapter));
      }
    }
    return Optional.empty();
  }

  /**
   * {@return whether merging gives a tied head a weight of its own}
   *
   * @param model with or without adapters
   */
  public static boolean unties(Module model) {
    Map<String, Adapter> adapters = Adapters.of(model);
    return model.sharedNames().entrySet().stream()
        .anyMatch(
            e ->
                !parameters(changing(adapters, e.getKey()))
                    .equals(parameters(changing(adapters, e.getValue()))));
  }

  private static List<Parameter> parameters(Optional<Map.Entry<String, Adapter>> changing) {
    return changing.map(c -> List.copyOf(c.getValue().parameters().values())).orElse(List.of());
  }
}
