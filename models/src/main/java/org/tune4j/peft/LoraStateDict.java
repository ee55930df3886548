package org.tune4j.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.models.LoraLinear;
import org.tune4j.nn.Module;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Checks of what goes into a LoRA model, each wrong way with an error of its own. */
public final class LoraStateDict {
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  private LoraStateDict() {}

  /**
   * Checks what loading a base checkpoint into a LoRA model left open: all that may be missing is
   * the adapter, and nothing may be unexpected.
   *
   * @param model that was loaded into
   * @param base what {@link StateDict#load} returned, not strict
   * @throws UsageException when the model has no adapters
   * @throws InputException naming what is missing or unexpected
   */
  public static void validateBase(Module model, StateDict.Loaded base) {
    requireLora(model);
    List<String> missing = new ArrayList<>(base.missing());
    missing.removeAll(Adapters.parameters(model).keySet());
    if (!missing.isEmpty()) {
      throw new InputException(
          "the base checkpoint lacks %s; it is incomplete or another model's"
              .formatted(StateDict.some(missing)));
    }
    if (!base.unexpected().isEmpty()) {
      throw new InputException(
          "the base checkpoint holds %s, which the model does not have; the model builder is another model's"
              .formatted(StateDict.some(base.unexpected())));
    }
  }

  /**
   * Checks an adapter's tensors, by names such as {@code
   * model.layers.0.self_attn.q_proj.lora_A.weight}, against a model before any is loaded.
   *
   * @param model with adapters; is not changed
   * @param tensors {@code lora_A.weight} of {@code [rank, in]} and {@code lora_B.weight} of {@code
   *     [out, rank]}
   * @throws UsageException when the model has no adapters
   * @throws InputException for the first of: no tensors, a name of the base model, half a pair, a
   *     module the model does not adapt, one that it adapts and the adapter does not, another rank,
   *     another shape
   */
  public static void validateAdapter(Module model, Map<String, Tensor> tensors) {
    requireLora(model);
    if (tensors.isEmpty()) {
      throw new InputException("the adapter holds no tensors");
    }
    Map<String, LoraLinear> adapted = Adapters.linears(model);
    Map<String, Shape> shapes = new LinkedHashMap<>();
    tensors.forEach((name, t) -> shapes.put(name, t.shape()));
    shapes.keySet().forEach(name -> checkName(model, adapted, name, shapes));
    adapted.forEach((name, linear) -> checkLinear(name, linear, shapes));
  }

  private static void requireLora(Module model) {
    if (Adapters.linears(model).isEmpty()) {
      throw new UsageException(
          "the model has no LoRA adapters; build it with a lora_ builder, such as lora_llama2_7b");
    }
  }

  private static void checkName(
      Module model, Map<String, LoraLinear> adapted, String name, Map<String, Shape> shapes) {
    if (!name.endsWith(A) && !name.endsWith(B)) {
      throw new InputException(
          model.parameters().containsKey(name) || model.sharedNames().containsKey(name)
              ? "the adapter holds '%s', a weight of the base model; give the full checkpoint as checkpointer.checkpoint_dir"
                  .formatted(name)
              : "the adapter holds '%s', which is no LoRA tensor; names end in lora_A.weight or lora_B.weight"
                  .formatted(name));
    }
    String module = name.substring(0, name.length() - A.length());
    String other = module + (name.endsWith(A) ? B : A);
    if (!shapes.containsKey(other)) {
      throw new InputException("the adapter holds '%s' without '%s'".formatted(name, other));
    }
    if (adapted.containsKey(module)) {
      return;
    }
    throw new InputException(
        model.modules().containsKey(module)
            ? "the adapter adapts '%s', the model does not; add it to lora_attn_modules, apply_lora_to_mlp or apply_lora_to_output"
                .formatted(module)
            : "the adapter adapts '%s', which the model does not have; it was made for another model"
                .formatted(module));
  }

  private static void checkLinear(String name, LoraLinear linear, Map<String, Shape> shapes) {
    Shape a = shapes.get(name + A);
    Shape b = shapes.get(name + B);
    if (a == null || b == null) {
      throw new InputException(
          "the model adapts '%s', the adapter does not; the adapter's target_modules are fewer"
              .formatted(name));
    }
    long rank = linear.config().rank();
    if (a.rank() == 2 && b.rank() == 2 && a.size(0) == b.size(1) && a.size(0) != rank) {
      throw new InputException(
          "the adapter's '%s' has rank %d, the model's %d; set lora_rank=%d"
              .formatted(name, a.size(0), rank, a.size(0)));
    }
    checkShape(name + A, a, linear.loraA().shape());
    checkShape(name + B, b, linear.loraB().shape());
  }

  private static void checkShape(String name, Shape found, Shape expected) {
    if (!found.equals(expected)) {
      throw new InputException(
          "the adapter's '%s' has shape %s, the model expects %s; it was made for another model"
              .formatted(name, found, expected));
    }
  }
}
