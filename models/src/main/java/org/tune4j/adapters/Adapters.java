package org.tune4j.adapters;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.tune4j.UsageException;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;

/** The adapters of a model: adding, finding, initialising and training them. */
public final class Adapters {
  private Adapters() {}

  /**
   * Freezes a model and adapts its linears.
   *
   * @param model as its checkpoint is, with storage or without
   * @param config which linears, and by what
   * @throws UsageException when it adapts none of the model's linears
   */
  public static void adapt(Module model, AdapterConfig config) {
    Map<String, Linear> targets = new LinkedHashMap<>(linears(model));
    targets.keySet().removeIf(path -> !config.targets().matches(path));
    if (targets.isEmpty()) {
      Set<String> names = new TreeSet<>();
      linears(model).keySet().forEach(path -> names.add(TargetModules.lastName(path)));
      throw new UsageException(
          "target modules %s match no linear of the model; name some of %s"
              .formatted(config.targets(), String.join(", ", names)));
    }
    model.parameters().values().forEach(p -> p.setTrainable(false));
    targets.forEach(
        (path, linear) -> linear.adapt(Pass.DEFAULT_ADAPTER, config.create(path, linear)));
  }

  /**
   * {@return the linears by full name, such as {@code model.layers.0.self_attn.q_proj}, in the
   * model's order; not those of adapters}
   *
   * @param model with or without adapters
   */
  public static Map<String, Linear> linears(Module model) {
    Map<String, Linear> found = new LinkedHashMap<>();
    collect(model, "", found);
    return found;
  }

  private static void collect(Module module, String path, Map<String, Linear> into) {
    if (module instanceof Linear linear) {
      into.put(path, linear);
      return;
    }
    module
        .children()
        .forEach((name, child) -> collect(child, path.isEmpty() ? name : path + "." + name, into));
  }

  /**
   * {@return the adapted linears' adapters by the linears' full names, in the model's order; empty
   * for a plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, Adapter> of(Module model) {
    Map<String, Adapter> found = new LinkedHashMap<>();
    linears(model).forEach((path, l) -> l.adapter().ifPresent(a -> found.put(path, a)));
    return found;
  }

  /**
   * {@return the adapters' parameters by full name, such as {@code
   * model.layers.0.self_attn.q_proj.lora_A.weight}, linear by linear; empty for a plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, Parameter> parameters(Module model) {
    Map<String, Parameter> found = new LinkedHashMap<>();
    of(model)
        .forEach(
            (path, adapter) ->
                adapter.parameters().forEach((name, p) -> found.put(path + "." + name, p)));
    return found;
  }

  /**
   * {@return the shortest names of the adapted linears, as PEFT's {@code target_modules}}
   *
   * @param model with or without adapters
   * @param others names of tensors beside the model's, whose modules are not adapted
   */
  public static List<String> targetModules(Module model, Collection<String> others) {
    return TargetModules.shortest(linears(model).keySet(), of(model).keySet(), others);
  }

  /**
   * Makes exactly these parameters of a model trainable and freezes the others.
   *
   * @param model is left as it was when this throws
   * @param names full ones, as {@link Module#parameters} has them
   * @throws UsageException when the model has no parameter of a name
   */
  public static void setTrainable(Module model, Set<String> names) {
    Map<String, Parameter> all = model.parameters();
    for (String name : names) {
      if (!all.containsKey(name)) {
        throw new UsageException(
            "parameter '%s' is to be trained, but the model has no parameter of that name"
                .formatted(name));
      }
    }
    all.forEach((name, p) -> p.setTrainable(names.contains(name)));
  }

  /**
   * Gives the adapters their first values, with which the model computes what its base does. The
   * tensors belong to the calling thread's innermost scope.
   *
   * @param engine that makes the tensors
   * @param model whose adapters have storage afterwards, in the adapters' own type
   * @param seed any number; the same one gives the same values
   */
  public static void initialise(Engine engine, Module model, long seed) {
    of(model).forEach((path, adapter) -> adapter.initialise(engine, path, seed));
  }
}
