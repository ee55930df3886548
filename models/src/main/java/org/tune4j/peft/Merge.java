package org.tune4j.peft;

import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.tune4j.models.LoraLinear;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Folds adapters into the weights that they adapt: {@code W + (alpha / rank) B A}. */
public final class Merge {
  private Merge() {}

  /**
   * Hands over the merged model's tensors one by one under the base's names, in the base's type; a
   * merged tensor lives until the consumer returns, so that one more tensor at a time is all the
   * memory that this takes. The model is left as it is.
   *
   * <p>A tied head that is adapted comes as {@code lm_head.weight} besides the unchanged embedding:
   * see {@link #unties}.
   *
   * @param engine that computes the merged weights
   * @param model whose parameters all have storage
   * @param consumer takes a full name and its tensor; must not keep a merged one
   */
  public static void forEach(Engine engine, Module model, BiConsumer<String, Tensor> consumer) {
    IdentityHashMap<Parameter, String> done = new IdentityHashMap<>();
    Map<String, LoraLinear> adapted = Adapters.linears(model);
    model
        .modules()
        .forEach(
            (name, module) -> {
              LoraLinear lora = adapted.get(name);
              if (lora != null) {
                try (TensorScope scope = engine.openScope()) {
                  consumer.accept(name + ".weight", weight(engine, lora));
                }
              } else if (!isAdapter(name, adapted)) {
                module
                    .ownParameters()
                    .forEach(
                        (own, p) -> {
                          if (done.putIfAbsent(p, name) == null) {
                            consumer.accept(name + "." + own, p.tensor());
                          }
                        });
              }
            });
  }

  /**
   * {@return {@code W + (alpha / rank) B A}, of {@code [out, in]}, in {@code W}'s type, computed in
   * fp32 or wider, rounded once; belongs to the calling thread's innermost scope}
   *
   * @param engine that computes it, without gradients
   * @param lora is not changed
   */
  public static Tensor weight(Engine engine, LoraLinear lora) {
    return weight(engine, lora, lora.weight().tensor());
  }

  /**
   * {@return the same of a weight that the linear does not hold}
   *
   * @param engine that computes it, without gradients
   * @param lora whose adapter has storage; is not changed
   * @param weight {@code W}, of {@code [out, in]}
   */
  public static Tensor weight(Engine engine, LoraLinear lora, Tensor weight) {
    Operations ops = engine.operations();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor w = wide(weight);
      Tensor a = wide(lora.loraA().tensor());
      Tensor b = wide(lora.loraB().tensor());
      Tensor update = ops.linear(b, a.transpose(0, 1)).mul(lora.config().scale());
      return scope.moveOut(w.add(update).cast(lora.weight().dtype()));
    }
  }

  /**
   * {@return whether merging gives a tied head a weight of its own}
   *
   * @param model with or without adapters
   */
  public static boolean unties(Module model) {
    Map<String, LoraLinear> adapted = Adapters.linears(model);
    return model.sharedNames().keySet().stream()
        .anyMatch(
            n -> n.endsWith(".weight") && adapted.containsKey(n.substring(0, n.length() - 7)));
  }

  private static boolean isAdapter(String name, Map<String, LoraLinear> adapted) {
    int dot = name.lastIndexOf('.');
    return dot > 0 && adapted.containsKey(name.substring(0, dot));
  }

  private static Tensor wide(Tensor t) {
    return t.dtype() == DType.FP32 || t.dtype() == DType.FP64 ? t : t.cast(DType.FP32);
  }
}
