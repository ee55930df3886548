package org.tune4j.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;

/**
 * The configs of the runs that a config describes: its own, or one for each name in its section
 * {@code adapters}. Such a run's config is the common keys with those of its name on top; its
 * {@code output_dir} is the folder of its name in the common one, unless it names another.
 *
 * @param byAdapter in the section's order; the only run's is under the empty name
 */
public record RunConfigs(Map<String, Config> byAdapter) {
  private static final String SECTION = "adapters";
  private static final String OUTPUT_DIR = "output_dir";

  /** What decides the frozen weights and what computes, of which all runs have one. */
  private static final Set<String> SHARED =
      Set.of("checkpointer", "dtype", "device", "backend", "mmap", "threads");

  /** Where a run writes. */
  private static final List<String> FOLDERS =
      List.of(OUTPUT_DIR, "checkpointer.output_dir", "metric_logger.log_dir");

  private static final Pattern NAME = Pattern.compile("\\w[\\w.-]{0,99}");

  /** Keeps the order. */
  public RunConfigs {
    byAdapter = Collections.unmodifiableMap(new LinkedHashMap<>(byAdapter));
  }

  /**
   * Applies overrides as {@link Binder#resolve} does, to the common keys and, by {@code
   * adapters.NAME.KEY}, to one adapter's; then divides the config.
   *
   * @param registry what the config may name
   * @param kind of the component that the config is for
   * @param name the component's name, or an alias
   * @param config as written
   * @param overrides as on a command line; may be empty
   * @return configs whose values are ready to be bound
   * @throws UsageException when an override is neither an assignment nor a deletion, or deletes
   *     what is not there
   * @throws ConfigException when a <code>${key}</code> names no plain value; or with all that is
   *     wrong with the section: a name that is none, a key that all adapters share, a folder that
   *     two write to
   */
  public static RunConfigs resolve(
      ComponentRegistry registry,
      Class<?> kind,
      String name,
      Config config,
      List<String> overrides) {
    Binder.TopKeys keys = Binder.topKeys(registry, kind, name);
    Config common = config.overridden(overrides, keys.ofModel());
    Node adapters = common.root().entries().get(SECTION);
    if (adapters == null || isNone(adapters)) {
      return new RunConfigs(Map.of("", common.filled(keys.variable())));
    }
    Map<String, Config> all = new LinkedHashMap<>();
    sections(adapters)
        .forEach(
            (adapter, own) ->
                all.put(
                    adapter,
                    common
                        .of(merged(common.root(), adapter, own))
                        .overridden(List.of(), keys.ofModel())
                        .filled(keys.variable())));
    requireOwnFolders(all);
    return new RunConfigs(all);
  }

  private static boolean isNone(Node adapters) {
    return adapters instanceof Node.Section all
        ? all.entries().isEmpty()
        : adapters instanceof Node.Scalar s && s.isNull();
  }

  /** Each adapter's keys; those that change nothing have none. */
  private static Map<String, Node.Section> sections(Node adapters) {
    if (!(adapters instanceof Node.Section names)) {
      throw new ConfigException(
          List.of(
              "%s: key 'adapters' is no section; expected names, each with the keys that it changes"
                  .formatted(adapters.origin())));
    }
    List<String> problems = new ArrayList<>();
    Map<String, Node.Section> all = new LinkedHashMap<>();
    names
        .entries()
        .forEach(
            (name, keys) -> {
              if (!NAME.matcher(name).matches()) {
                problems.add(
                    "%s: adapter '%s': the name is that of its folder; use letters, digits, '_', '-' and '.'"
                        .formatted(keys.origin(), name));
              }
              section(name, keys, problems).ifPresent(s -> all.put(name, s));
            });
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
    return all;
  }

  private static Optional<Node.Section> section(String name, Node keys, List<String> problems) {
    if (keys instanceof Node.Scalar s && s.isNull()) {
      return Optional.of(new Node.Section(Map.of(), s.origin()));
    }
    if (!(keys instanceof Node.Section section)) {
      problems.add(
          "%s: adapter '%s' is no section; expected the keys that it changes"
              .formatted(keys.origin(), name));
      return Optional.empty();
    }
    section
        .entries()
        .forEach(
            (key, value) -> {
              if (SHARED.contains(key)) {
                problems.add(
                    "%s: adapter '%s' has key '%s', which all adapters share; set it at the top"
                        .formatted(value.origin(), name, key));
              }
            });
    return Optional.of(section);
  }

  private static Node.Section merged(Node.Section common, String adapter, Node.Section own) {
    Node.Section all = common.copy();
    all.entries().remove(SECTION);
    if (all.entries().get(OUTPUT_DIR) instanceof Node.Scalar dir && !dir.isNull()) {
      all.entries()
          .put(OUTPUT_DIR, new Node.Scalar(dir.text() + "/" + adapter, dir.quoted(), dir.origin()));
    }
    putOnTop(all, own);
    return all;
  }

  /** Sections change the keys that they have; one of another component takes the other's place. */
  private static void putOnTop(Node.Section below, Node.Section own) {
    own.entries()
        .forEach(
            (key, value) -> {
              if (value instanceof Node.Section section
                  && below.entries().get(key) instanceof Node.Section old
                  && !isAnother(section, old)) {
                putOnTop(old, section);
              } else {
                below
                    .entries()
                    .put(key, value instanceof Node.Section section ? section.copy() : value);
              }
            });
  }

  private static boolean isAnother(Node.Section section, Node.Section old) {
    return section.entries().get(Binding.COMPONENT) instanceof Node.Scalar name
        && !(old.entries().get(Binding.COMPONENT) instanceof Node.Scalar before
            && before.text().equals(name.text()));
  }

  private static void requireOwnFolders(Map<String, Config> all) {
    List<String> problems = new ArrayList<>();
    for (String key : FOLDERS) {
      Map<Path, String> taken = new HashMap<>();
      all.forEach(
          (adapter, config) ->
              config
                  .path(key)
                  .map(p -> taken.putIfAbsent(p.toAbsolutePath().normalize(), adapter))
                  .ifPresent(
                      other ->
                          problems.add(
                              "adapters '%s' and '%s' both have %s=%s; give each a folder of its own%s"
                                  .formatted(
                                      other,
                                      adapter,
                                      key,
                                      config.text(key),
                                      key.equals(OUTPUT_DIR) ? "" : ", such as ${output_dir}"))));
    }
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
  }

  /** {@return whether there is a section {@code adapters}} */
  public boolean several() {
    return !byAdapter.containsKey("");
  }

  /** {@return the first run's, which has what all share} */
  public Config first() {
    return byAdapter.values().iterator().next();
  }

  /**
   * {@return the same with each config changed}
   *
   * @param change of one
   */
  public RunConfigs map(UnaryOperator<Config> change) {
    Map<String, Config> all = new LinkedHashMap<>();
    byAdapter.forEach((adapter, config) -> all.put(adapter, change.apply(config)));
    return new RunConfigs(all);
  }

  /**
   * Builds a component of each config, as {@link Binder#bound} does.
   *
   * @param <T> what each must be
   * @param registry what the configs may name
   * @param kind what each must be
   * @param name the component's name, or an alias
   * @return the components by adapter, and what was found on the way, each once
   * @throws ConfigException with every problem, each once, with its place
   * @throws UsageException when there is no such component
   */
  public <T> Bound<Map<String, T>> bound(ComponentRegistry registry, Class<T> kind, String name) {
    Map<String, T> built = new LinkedHashMap<>();
    Set<String> notes = new LinkedHashSet<>();
    Set<String> missing = new LinkedHashSet<>();
    Set<String> problems = new LinkedHashSet<>();
    byAdapter.forEach(
        (adapter, config) -> {
          try {
            Bound<T> one = Binder.bound(registry, kind, name, config);
            built.put(adapter, one.component());
            notes.addAll(one.notes());
            missing.addAll(one.missing());
          } catch (ConfigException e) {
            problems.addAll(e.problems());
          }
        });
    if (!problems.isEmpty()) {
      throw new ConfigException(List.copyOf(problems));
    }
    return new Bound<>(built, List.copyOf(notes), List.copyOf(missing));
  }
}
