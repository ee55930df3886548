package org.tune4j.adapters;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.models.layers.Adaptable;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** The adapters of a model: adding, finding, initialising and training them. */
public final class Adapters {
  private Adapters() {}

  /**
   * Freezes a model and adapts its modules.
   *
   * @param model as its checkpoint is, with storage or without
   * @param config which modules, and by what
   * @throws UsageException when it adapts none of the model's linears, or names a module to save
   *     that the model does not have
   */
  public static void adapt(Module model, AdapterConfig config) {
    model.parameters().values().forEach(p -> p.setTrainable(false));
    Map<String, Adaptable<?>> all = adaptable(model);
    config.modulesToSave().requireIn(all.keySet());
    Map<String, Linear> targets = new LinkedHashMap<>(linears(model));
    targets.keySet().removeIf(path -> !config.targets().matches(path));
    AdapterConfig own = config.over(targets.values());
    all.forEach((path, module) -> adapt(path, module, own, all));
    if (of(model).isEmpty()) {
      Set<String> names = new TreeSet<>();
      linears(model).keySet().forEach(path -> names.add(TargetModules.lastName(path)));
      throw new UsageException(
          "target modules %s match no linear of the model; name some of %s"
              .formatted(config.targets(), String.join(", ", names)));
    }
  }

  private static void adapt(
      String path, Adaptable<?> module, AdapterConfig config, Map<String, Adaptable<?>> all) {
    String name = Pass.DEFAULT_ADAPTER;
    boolean copied = config.modulesToSave().matches(path);
    if (module instanceof Linear linear) {
      Optional<LinearAdapter> tied = tied(linear, all);
      if (tied.isPresent()) {
        linear.adapt(name, tied.get());
      } else if (copied) {
        linear.adapt(name, new CopiedLinear(linear, null));
      } else if (config.targets().matches(path)) {
        linear.adapt(name, config.create(path, linear));
      } else {
        config.trainedRows(path, linear).ifPresent(adapter -> linear.adapt(name, adapter));
      }
    } else if (module instanceof Embedding embedding && copied) {
      embedding.adapt(name, new CopiedEmbedding(embedding, config.modulesToSave().tied()));
    } else if (module instanceof Embedding embedding) {
      config.create(path, embedding).ifPresent(adapter -> embedding.adapt(name, adapter));
    } else if (module instanceof Experts experts) {
      config.create(path, experts).ifPresent(adapter -> experts.adapt(name, adapter));
    }
  }

  /** The adapter of a head that changes with the embedding it is tied to. */
  private static Optional<LinearAdapter> tied(Linear linear, Map<String, Adaptable<?>> all) {
    for (Map.Entry<String, Adaptable<?>> e : all.entrySet()) {
      if (e.getValue() instanceof Embedding embedding && embedding.weight() == linear.weight()) {
        return embedding.adapter().flatMap(adapter -> adapter.tied(e.getKey(), linear));
      }
    }
    return Optional.empty();
  }

  /**
   * {@return all that adapters can change by full name, in the model's order}
   *
   * @param model with or without adapters
   */
  public static Map<String, Adaptable<?>> adaptable(Module model) {
    Map<String, Adaptable<?>> found = new LinkedHashMap<>();
    collect(model, "", found);
    return found;
  }

  private static void collect(Module module, String path, Map<String, Adaptable<?>> into) {
    if (module instanceof Adaptable<?> adaptable) {
      into.put(path, adaptable);
      return;
    }
    module
        .children()
        .forEach((name, child) -> collect(child, path.isEmpty() ? name : path + "." + name, into));
  }

  /**
   * {@return the linears by full name, such as {@code model.layers.0.self_attn.q_proj}, in the
   * model's order; not those of adapters}
   *
   * @param model with or without adapters
   */
  public static Map<String, Linear> linears(Module model) {
    Map<String, Linear> found = new LinkedHashMap<>();
    adaptable(model)
        .forEach(
            (path, module) -> {
              if (module instanceof Linear linear) {
                found.put(path, linear);
              }
            });
    return found;
  }

  /**
   * {@return the adapters by the full names of what they change, in the model's order; empty for a
   * plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, Adapter> of(Module model) {
    Map<String, Adapter> found = new LinkedHashMap<>();
    adaptable(model).forEach((path, m) -> m.adapter().ifPresent(a -> found.put(path, a)));
    return found;
  }

  /**
   * {@return the adapters' parameters by full name, such as {@code
   * model.layers.0.self_attn.q_proj.lora_A.weight}, module by module; one that is shared appears
   * once, under its first name; empty for a plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, Parameter> parameters(Module model) {
    Map<String, Parameter> found = new LinkedHashMap<>();
    Set<Parameter> seen = new HashSet<>();
    of(model)
        .forEach(
            (path, adapter) ->
                adapter
                    .parameters()
                    .forEach(
                        (name, p) -> {
                          if (seen.add(p)) {
                            found.put(path + "." + name, p);
                          }
                        }));
    return found;
  }

  /**
   * {@return the names of the adapters' parameters in the file of a saved adapter, by full name}
   *
   * @param model with or without adapters
   */
  public static Map<String, String> savedNames(Module model) {
    Map<String, String> names = new LinkedHashMap<>();
    of(model)
        .forEach(
            (path, adapter) ->
                adapter
                    .parameters()
                    .keySet()
                    .forEach(p -> names.put(path + "." + p, adapter.savedName(path, p))));
    return names;
  }

  /**
   * {@return the shortest names of a config's targets in a model, as PEFT's {@code target_modules}}
   *
   * @param model with or without adapters
   * @param config that it is adapted by, or is to be
   * @param others names of tensors beside the model's, whose modules are not adapted
   */
  public static List<String> targetModules(
      Module model, AdapterConfig config, Collection<String> others) {
    Set<String> all = linears(model).keySet();
    Set<String> targets = new LinkedHashSet<>(all);
    targets.removeIf(
        path -> !config.targets().matches(path) || config.modulesToSave().matches(path));
    return TargetModules.shortest(all, targets, others);
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
   * @param model whose adapters have storage afterwards, in the adapters' own type; its own
   *     parameters have storage
   * @param seed any number; the same one gives the same values
   */
  public static void initialise(Engine engine, Module model, long seed) {
    initialise(engine, model, seed, name -> null);
  }

  /**
   * The same of a model whose own parameters may be elsewhere.
   *
   * @param engine that makes the tensors
   * @param model whose adapters have storage afterwards
   * @param seed any number; the same one gives the same values
   * @param base values of the model's own parameters by full name, in any type
   */
  public static void initialise(
      Engine engine, Module model, long seed, Function<String, @Nullable Tensor> base) {
    withWeights(model, base, (path, adapter) -> adapter.initialise(engine, path, seed));
  }

  /**
   * Has the adapters derive what is not saved of them, after their parameters were loaded. The
   * tensors belong to the calling thread's innermost scope.
   *
   * @param engine that makes the tensors
   * @param model whose adapters have storage
   * @param base values of the model's own parameters by full name, in any type; asked for those
   *     that have no storage
   */
  public static void derive(Engine engine, Module model, Function<String, @Nullable Tensor> base) {
    withWeights(model, base, (path, adapter) -> adapter.derive(engine));
  }

  /** Does something with each adapter while the module that it changes has its parameters. */
  private static void withWeights(
      Module model, Function<String, @Nullable Tensor> base, BiConsumer<String, Adapter> action) {
    Map<String, String> first = model.sharedNames();
    Map<String, Adaptable<?>> modules = adaptable(model);
    of(model)
        .forEach(
            (path, adapter) -> {
              Map<String, Parameter> away =
                  new LinkedHashMap<>(Objects.requireNonNull(modules.get(path)).parameters());
              away.values().removeIf(p -> p.hasStorage() || adapter.parameters().containsValue(p));
              List<Tensor> cast = new ArrayList<>();
              away.forEach(
                  (name, p) -> {
                    String full = path + "." + name;
                    Tensor values = base.apply(first.getOrDefault(full, full));
                    if (values != null && values.dtype() != p.dtype()) {
                      values = values.cast(p.dtype());
                      cast.add(values);
                    }
                    if (values != null) {
                      p.set(values);
                    }
                  });
              action.accept(path, adapter);
              cast.forEach(Tensor::close);
              away.values().forEach(Parameter::unset);
            });
  }
}
