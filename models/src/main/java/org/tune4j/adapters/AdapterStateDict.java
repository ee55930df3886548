package org.tune4j.adapters;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Module;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Checks an adapter's tensors against a model, each wrong way with an error of its own. */
public final class AdapterStateDict {
  private final Module model;
  private final Map<String, Adapter> adapters;
  private final Set<String> parameters = new TreeSet<>();
  private final Map<String, Shape> shapes = new LinkedHashMap<>();

  private AdapterStateDict(Module model, Map<String, Tensor> tensors) {
    this.model = model;
    this.adapters = Adapters.of(model);
    adapters.values().forEach(a -> parameters.addAll(a.parameters().keySet()));
    tensors.forEach((name, t) -> shapes.put(name, t.shape()));
    model
        .sharedNames()
        .forEach(
            (name, first) -> {
              Shape shape = shapes.get(first);
              if (shape != null) {
                shapes.putIfAbsent(name, shape);
              }
            });
  }

  /**
   * Checks tensors by names such as {@code model.layers.0.self_attn.q_proj.lora_A.weight} before
   * any is loaded.
   *
   * @param model with adapters; is not changed
   * @param tensors of the adapters' parameters
   * @throws UsageException when the model has no adapters
   * @throws InputException for the first of: no tensors, a name of the base model, a linear of
   *     which some tensors are missing, one the model does not adapt, one that it adapts and the
   *     adapter does not, another shape
   */
  public static void validate(Module model, Map<String, Tensor> tensors) {
    AdapterStateDict check = new AdapterStateDict(model, tensors);
    if (check.adapters.isEmpty()) {
      throw new UsageException(
          "the model has no adapters; build it with a builder that adds some, such as lora_auto");
    }
    if (tensors.isEmpty()) {
      throw new InputException("the adapter holds no tensors");
    }
    tensors.keySet().forEach(check::checkName);
    check.adapters.forEach(check::checkShapes);
  }

  private void checkName(String name) {
    String own =
        parameters.stream()
            .filter(parameter -> name.endsWith("." + parameter))
            .max(Comparator.comparingInt(String::length))
            .orElseThrow(() -> foreign(name));
    String module = name.substring(0, name.length() - own.length() - 1);
    Adapter adapter = adapters.get(module);
    Set<String> all = adapter == null ? parameters : adapter.parameters().keySet();
    for (String other : all) {
      if (!shapes.containsKey(module + "." + other)) {
        throw new InputException(
            "the adapter holds '%s' without '%s'".formatted(name, module + "." + other));
      }
    }
    if (adapter == null) {
      throw new InputException(
          model.modules().containsKey(module)
              ? "the adapter adapts '%s', the model does not; name it in the model's target_modules or lora_attn_modules"
                  .formatted(module)
              : "the adapter adapts '%s', which the model does not have; it was made for another model"
                  .formatted(module));
    }
  }

  private InputException foreign(String name) {
    return new InputException(
        model.parameters().containsKey(name) || model.sharedNames().containsKey(name)
            ? "the adapter holds '%s', a weight of the base model; give the full checkpoint as checkpointer.checkpoint_dir"
                .formatted(name)
            : "the adapter holds '%s', which is no tensor of the model's adapters; names end in %s"
                .formatted(name, String.join(" or ", List.copyOf(parameters))));
  }

  private void checkShapes(String module, Adapter adapter) {
    adapter
        .parameters()
        .forEach(
            (own, parameter) -> {
              Shape found = shapes.get(module + "." + own);
              if (found == null) {
                throw new InputException(
                    "the model adapts '%s', the adapter does not; the adapter's target_modules are fewer"
                        .formatted(module));
              }
              if (found.equals(parameter.shape())) {
                return;
              }
              throw new InputException(
                  adapter
                      .explain(own, found)
                      .map(why -> "the adapter's '%s' %s".formatted(module, why))
                      .orElse(
                          "the adapter's '%s' has shape %s, the model expects %s; it was made for another model"
                              .formatted(module + "." + own, found, parameter.shape())));
            });
  }
}
