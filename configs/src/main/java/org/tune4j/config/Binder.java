package org.tune4j.config;

import java.lang.reflect.Parameter;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;

/** Builds what a config describes, or says everything that is wrong with it. */
public final class Binder {
  private Binder() {}

  /**
   * A config with overrides, as {@link Config#with} applies them. A key at the top that the
   * component does not have and a component for {@code model} has moves into the section {@code
   * model}, before every <code>${key}</code> is filled in. One that it does not have either, and
   * that another value refers to, is left out: it was a variable.
   *
   * @param registry what the config may name
   * @param kind of the component that the config is for
   * @param name the component's name, or an alias; null where any of the kind is meant
   * @param config as written
   * @param overrides as on a command line; may be empty
   * @return a new config, its values ready to be bound
   * @throws UsageException when an override is neither an assignment nor a deletion, or deletes
   *     what is not there
   * @throws ConfigException when a <code>${key}</code> names no plain value
   */
  public static Config resolve(
      ComponentRegistry registry,
      Class<?> kind,
      @Nullable String name,
      Config config,
      List<String> overrides) {
    TopKeys keys = topKeys(registry, kind, name);
    return config.with(overrides, keys.ofModel, keys.variable);
  }

  /**
   * What a key at the top of a config can be besides the component's.
   *
   * @param ofModel those that move into the section {@code model}
   * @param variable whether one means nothing but what refers to it
   */
  record TopKeys(Set<String> ofModel, Predicate<String> variable) {}

  static TopKeys topKeys(ComponentRegistry registry, Class<?> kind, @Nullable String name) {
    Factory f = name == null ? null : registry.find(name, kind);
    List<Parameter> keys = f == null ? registry.keys(kind) : f.keys();
    Set<String> ofModel = Keys.names(registry.keysOfModel(keys));
    ofModel.removeAll(Keys.names(keys));
    Set<String> known = Keys.names(keys);
    known.addAll(Torchtune.keys());
    return new TopKeys(ofModel, key -> !known.contains(key) && Nearest.of(key, known).isEmpty());
  }

  /**
   * Builds a component whose arguments are the config's top-level keys, and all that these name.
   *
   * @param <T> what it must be
   * @param registry what the config may name
   * @param kind what it must be
   * @param name the component's name, or an alias
   * @param config of which all keys must be known: to the component, or as torchtune's that have no
   *     effect here; one that is null, false or empty is ignored, unless it looks like a known one
   * @return the component; its constructor has run, and nothing else
   * @throws ConfigException with every problem of the config, each with its place
   * @throws UsageException when there is no such component
   */
  public static <T> T bind(ComponentRegistry registry, Class<T> kind, String name, Config config) {
    return bound(registry, kind, name, config).component();
  }

  /**
   * Builds the same, and tells what a user should know of it.
   *
   * @param <T> what it must be
   * @param registry what the config may name
   * @param kind what it must be
   * @param name the component's name, or an alias
   * @param config as for {@link #bind}
   * @return the component, and what was found on the way
   * @throws ConfigException with every problem of the config, each with its place
   * @throws UsageException when there is no such component
   */
  public static <T> Bound<T> bound(
      ComponentRegistry registry, Class<T> kind, String name, Config config) {
    Factory f = registry.find(name, kind);
    if (f == null) {
      throw unknown(registry, kind, name);
    }
    Binding binding = new Binding(registry);
    Torchtune.notes(config.root()).forEach(binding::note);
    return binding.result(
        kind, binding.build(f, config.root(), binding.ignored(kind, config.root())));
  }

  static UsageException unknown(ComponentRegistry registry, Class<?> kind, String name) {
    return new UsageException(
        "%s '%s' is not known%s; there are %s"
            .formatted(
                kind.getSimpleName().toLowerCase(Locale.ROOT),
                name,
                Unsupported.recipe(name)
                    .map(": "::concat)
                    .orElseGet(() -> Nearest.hint(name, registry.names(kind))),
                String.join(", ", registry.names(kind))));
  }

  /**
   * Builds what one section of a config describes, without the others.
   *
   * @param <T> what it must be
   * @param registry what the section may name
   * @param kind what it must be
   * @param key the section's name, at the config's top
   * @param config of which only this section is looked at
   * @return the component, and what was found on the way
   * @throws ConfigException with every problem of the section, each with its place
   */
  public static <T> Bound<T> bindSection(
      ComponentRegistry registry, Class<T> kind, String key, Config config) {
    Binding binding = new Binding(registry);
    return binding.result(kind, binding.section(kind, key, config.root()));
  }

  /**
   * {@return what one section of a config describes, or something else where there is no such
   * section}
   *
   * @param <T> what it must be
   * @param registry what the section may name
   * @param kind what it must be
   * @param key the section's name, at the config's top
   * @param config of which only this section is looked at
   * @param otherwise what it is without a section
   * @throws ConfigException with every problem of the section, each with its place
   */
  public static <T> T bindSection(
      ComponentRegistry registry, Class<T> kind, String key, Config config, T otherwise) {
    return config.root().entries().containsKey(key)
        ? bindSection(registry, kind, key, config).component()
        : otherwise;
  }

  /**
   * {@return the components of a kind that need no arguments, each built anew when it is asked for}
   *
   * @param <T> what they give
   * @param registry where they are
   * @param kind what they give
   */
  public static <T> ByName<T> byName(ComponentRegistry registry, Class<T> kind) {
    return name ->
        registry.find(name, kind) == null
            ? null
            : bind(registry, kind, name, Config.parse(name, "{}"));
  }

  /**
   * Checks the keys of a config's top where it is not known which component they are for.
   *
   * @param registry what the config may name
   * @param kind of the component that it is for
   * @param config of which each top-level key must be known to one component of the kind at least
   * @throws ConfigException with every key that none knows, each with its place
   */
  public static void checkKeys(ComponentRegistry registry, Class<?> kind, Config config) {
    Binding binding = new Binding(registry);
    binding.unknownKeys(registry.keys(kind), config.root(), Torchtune.keys());
    binding.requireNoProblem();
  }
}
