package org.tune4j.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;
import org.tune4j.component.Default;
import org.tune4j.component.Inline;

/** Builds what a config describes, or says everything that is wrong with it. */
public final class Binder {
  private static final String COMPONENT = "_component_";
  private static final Pattern WORD = Pattern.compile("\\w+");

  private final ComponentRegistry registry;
  private final List<String> problems = new ArrayList<>();

  private Binder(ComponentRegistry registry) {
    this.registry = registry;
  }

  /**
   * Builds a component whose arguments are the config's top-level keys, and all that these name.
   *
   * @param <T> what it must be
   * @param registry what the config may name
   * @param kind what it must be
   * @param name the component's name, or an alias
   * @param config of which all keys must be known: to the component, as torchtune's that have no
   *     effect here, or, where they are null, false or empty, to another component of the kind
   * @return the component; its constructor has run, and nothing else
   * @throws ConfigException with every problem of the config, each with its place
   * @throws UsageException when there is no such component
   */
  public static <T> T bind(ComponentRegistry registry, Class<T> kind, String name, Config config) {
    Executable e = registry.find(name, kind);
    if (e == null) {
      throw new UsageException(
          "%s '%s' is not known%s; there are %s"
              .formatted(
                  kind.getSimpleName().toLowerCase(Locale.ROOT),
                  name,
                  Nearest.hint(name, registry.names(kind)),
                  String.join(", ", registry.names(kind))));
    }
    Binder binder = new Binder(registry);
    Object built = binder.build(e, config.root(), binder.ignored(kind, config.root()));
    if (!binder.problems.isEmpty() || built == null) {
      throw new ConfigException(binder.problems);
    }
    return kind.cast(built);
  }

  /**
   * Builds what one section of a config describes, without the others.
   *
   * @param <T> what it must be
   * @param registry what the section may name
   * @param kind what it must be
   * @param key the section's name, at the config's top
   * @param config of which only this section is looked at
   * @return the component; its constructor has run, and nothing else
   * @throws ConfigException with every problem of the section, each with its place
   */
  public static <T> T bindSection(
      ComponentRegistry registry, Class<T> kind, String key, Config config) {
    Binder binder = new Binder(registry);
    Node value = config.root().entries().get(key);
    Object built = null;
    if (value == null) {
      binder.problems.add(
          "%s: key '%s' is missing; expected %s"
              .formatted(config.root().origin(), key, binder.expected(kind)));
    } else {
      built = binder.convert(key, kind, value);
    }
    if (!binder.problems.isEmpty() || built == null) {
      throw new ConfigException(binder.problems);
    }
    return kind.cast(built);
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
   * {@return a line for each accepted key of torchtune's that asks for something that has no effect
   * here, with its place}
   *
   * @param config of which the top-level keys are looked at
   */
  public static List<String> notes(Config config) {
    return Torchtune.notes(config.root());
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
    Binder binder = new Binder(registry);
    binder.unknownKeys(binder.keys(kind), config.root(), Torchtune.keys());
    if (!binder.problems.isEmpty()) {
      throw new ConfigException(binder.problems);
    }
  }

  /** Keys of the top level that ask for nothing a component of this kind has to know. */
  private Set<String> ignored(Class<?> kind, Node.Section root) {
    Set<String> ignored = keys(kind);
    ignored.removeIf(
        key -> !root.entries().containsKey(key) || !Torchtune.isOff(root.entries().get(key)));
    ignored.addAll(Torchtune.keys());
    return ignored;
  }

  /** Keys that some component of the kind has. */
  private Set<String> keys(Class<?> kind) {
    Set<String> keys = new LinkedHashSet<>();
    registry.components().stream()
        .filter(e -> kind.isAssignableFrom(ComponentRegistry.kind(e)))
        .forEach(e -> collectKeys(e, keys));
    return keys;
  }

  private @Nullable Object build(Executable e, Node.Section section, Set<String> ignored) {
    int before = problems.size();
    Set<String> accepted = new LinkedHashSet<>();
    collectKeys(e, accepted);
    unknownKeys(accepted, section, ignored);
    Object built = call(e, section);
    return problems.size() > before ? null : built;
  }

  private void unknownKeys(Set<String> accepted, Node.Section section, Set<String> ignored) {
    section
        .entries()
        .forEach(
            (key, value) -> {
              if (!accepted.contains(key)
                  && !ignored.contains(key)
                  && !Torchtune.isSwitchedOff(key, value)
                  && !key.equals(COMPONENT)) {
                problems.add(
                    "%s: key '%s' is not known%s; accepted are %s"
                        .formatted(
                            value.origin(),
                            key,
                            Suggestions.hint(key, known(accepted, section)),
                            String.join(", ", accepted)));
              }
            });
  }

  /** The keys of a section: a parameter each, and those of inlined records. */
  private static void collectKeys(Executable e, Set<String> keys) {
    for (Parameter p : e.getParameters()) {
      if (p.isAnnotationPresent(Inline.class)) {
        collectKeys(constructor(p.getType()), keys);
      } else if (p.getType() != ByName.class) {
        keys.add(snake(p.getName()));
      }
    }
  }

  private static Constructor<?> constructor(Class<?> record) {
    return record.getConstructors()[0];
  }

  /**
   * Calls it with its keys' values; null where that failed and the problems say why. A value that
   * cannot be read gives way to its default meanwhile, so that the others are judged all the same.
   */
  private @Nullable Object call(Executable e, Node.Section section) {
    Parameter[] parameters = e.getParameters();
    Object[] arguments = new Object[parameters.length];
    Set<String> unreadable = new HashSet<>();
    boolean complete = true;
    for (int i = 0; i < parameters.length; i++) {
      Parameter p = parameters[i];
      String key = snake(p.getName());
      int before = problems.size();
      if (p.isAnnotationPresent(Inline.class)) {
        arguments[i] = call(constructor(p.getType()), section);
        complete &= problems.size() == before;
      } else if (p.getParameterizedType() instanceof ParameterizedType lookup
          && lookup.getRawType() == ByName.class) {
        arguments[i] = byName(registry, (Class<?>) lookup.getActualTypeArguments()[0]);
      } else {
        arguments[i] = argument(key, p, section);
        if (problems.size() > before) {
          unreadable.add(key);
          arguments[i] = fallback(key, p);
          complete &= arguments[i] != null;
        }
      }
    }
    if (!complete) {
      return null;
    }
    try {
      Object built =
          e instanceof Method m
              ? m.invoke(null, arguments)
              : ((Constructor<?>) e).newInstance(arguments);
      return unreadable.isEmpty() ? built : null;
    } catch (InvocationTargetException x) {
      if (x.getCause() instanceof TuneException known) {
        known.problems().stream()
            .filter(problem -> words(problem).noneMatch(unreadable::contains))
            .forEach(problem -> problems.add(place(section, problem) + ": " + problem));
        return null;
      }
      throw new IllegalStateException("component " + e + " failed", x.getCause());
    } catch (ReflectiveOperationException x) {
      throw new IllegalStateException("component " + e + " cannot be called", x);
    }
  }

  /** What may stand in a section: its own keys, and at the top LoRA's, which reach the model. */
  private static Collection<String> known(Collection<String> accepted, Node.Section section) {
    Set<String> all = new TreeSet<>(accepted);
    if (section.entries().containsKey("model")) {
      all.addAll(Config.LORA_KEYS);
    }
    return all;
  }

  /** That of the key which a component's complaint names first, else the section's. */
  private static String place(Node.Section section, String complaint) {
    return words(complaint)
        .map(section.entries()::get)
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(section)
        .origin();
  }

  private static Stream<String> words(String text) {
    return WORD.matcher(text).results().map(MatchResult::group);
  }

  /** What a key is when a config does not name it; null where it must. */
  private @Nullable Object fallback(String key, Parameter p) {
    Default value = p.getAnnotation(Default.class);
    if (value == null) {
      return null;
    }
    Node node = Config.parse("default of " + key, "v: " + value.value()).root().entries().get("v");
    return node == null ? null : convert(key, p.getParameterizedType(), node);
  }

  private @Nullable Object argument(String key, Parameter p, Node.Section section) {
    Node value = section.entries().get(key);
    if (value == null && p.isAnnotationPresent(Default.class)) {
      return fallback(key, p);
    }
    boolean nullable = p.getAnnotatedType().isAnnotationPresent(Nullable.class);
    if (value == null || (value instanceof Node.Scalar s && s.isNull())) {
      if (!nullable) {
        problems.add(
            value == null
                ? "%s: key '%s' is missing; expected %s"
                    .formatted(section.origin(), key, expected(p.getParameterizedType()))
                : "%s: key '%s' is null, expected %s"
                    .formatted(value.origin(), key, expected(p.getParameterizedType())));
      }
      return null;
    }
    return convert(key, p.getParameterizedType(), value);
  }

  private @Nullable Object convert(String key, Type type, Node value) {
    if (type instanceof ParameterizedType list && list.getRawType() == List.class) {
      List<Node> items = value instanceof Node.Sequence s ? s.items() : List.of(value);
      List<Object> out = new ArrayList<>();
      for (Node item : items) {
        Object o = convert(key, list.getActualTypeArguments()[0], item);
        if (o != null) {
          out.add(o);
        }
      }
      return out;
    }
    if (type instanceof ParameterizedType map && map.getRawType() == Map.class) {
      if (!(value instanceof Node.Section s)) {
        return wrong(key, type, value);
      }
      Map<String, Object> out = new LinkedHashMap<>();
      s.entries()
          .forEach(
              (k, v) -> {
                Object o = convert(key + "." + k, map.getActualTypeArguments()[1], v);
                if (o != null) {
                  out.put(k, o);
                }
              });
      return out;
    }
    Class<?> c = (Class<?>) type;
    if (c == Object.class) {
      return anything(value);
    }
    if (value instanceof Node.Scalar s && isPlain(c)) {
      Object plain = plain(c, s);
      return plain != null ? plain : wrong(key, type, value);
    }
    if (value instanceof Node.Section s && !isPlain(c)) {
      return component(key, c, s);
    }
    if (value instanceof Node.Scalar s && !isPlain(c)) {
      Node.Section named = new Node.Section(Map.of(), s.origin());
      return component(key, c, s, named);
    }
    Executable ofList = value instanceof Node.Sequence ? registry.ofList(c) : null;
    if (ofList != null) {
      Map<String, Node> only = Map.of(snake(ofList.getParameters()[0].getName()), value);
      return build(ofList, new Node.Section(only, value.origin()), Set.of());
    }
    return wrong(key, type, value);
  }

  /** Texts, lists of these and maps to these. */
  private static Object anything(Node value) {
    if (value instanceof Node.Scalar s) {
      return s.text();
    }
    if (value instanceof Node.Sequence s) {
      return s.items().stream().map(Binder::anything).toList();
    }
    Map<String, Object> map = new LinkedHashMap<>();
    ((Node.Section) value).entries().forEach((k, v) -> map.put(k, anything(v)));
    return map;
  }

  /** A section names its component, or means the one that is called as what is expected. */
  private @Nullable Object component(String key, Class<?> kind, Node.Section section) {
    Node name = section.entries().get(COMPONENT);
    if (name instanceof Node.Scalar s) {
      return component(key + "." + COMPONENT, kind, s, section);
    }
    Executable own = name == null ? registry.find(snake(kind.getSimpleName()), kind) : null;
    if (own != null) {
      return build(own, section, Set.of());
    }
    problems.add(
        "%s: '%s' has no %s; there are %s"
            .formatted(section.origin(), key, COMPONENT, String.join(", ", registry.names(kind))));
    return null;
  }

  /** By name, with a section of arguments. */
  private @Nullable Object component(
      String place, Class<?> kind, Node.Scalar name, Node.Section arguments) {
    List<String> names = registry.names(kind);
    Executable e = registry.find(name.text(), kind);
    if (e == null) {
      problems.add(
          "%s: %s is '%s', which is not known%s; there are %s"
              .formatted(
                  name.origin(),
                  place,
                  name.text(),
                  hint(name.text(), names),
                  String.join(", ", names)));
      return null;
    }
    return build(e, arguments, Set.of());
  }

  private static String hint(String component, List<String> names) {
    String refusal = Torchtune.refusal(component, names);
    return refusal.isEmpty() ? Nearest.hint(Torchtune.last(component), names) : refusal;
  }

  static boolean isPlain(Class<?> c) {
    return c.isPrimitive()
        || c.isEnum()
        || Set.of(String.class, Path.class, Integer.class, Long.class, Double.class, Boolean.class)
            .contains(c);
  }

  private static @Nullable Object plain(Class<?> c, Node.Scalar s) {
    String text = s.text();
    try {
      if (c == String.class) {
        return text;
      }
      if (c == Path.class && text.isEmpty()) {
        return null;
      }
      if (c == Path.class) {
        return path(text);
      }
      if (c.isEnum()) {
        String meant = Suggestions.value(text);
        return Arrays.stream(c.getEnumConstants())
            .filter(v -> name(v).equals(meant))
            .findFirst()
            .orElse(null);
      }
      if (s.quoted()) {
        return null;
      }
      if (c == int.class || c == Integer.class) {
        return Integer.valueOf(text.replace("_", ""));
      }
      if (c == long.class || c == Long.class) {
        return Long.valueOf(text.replace("_", ""));
      }
      if (c == double.class || c == Double.class) {
        return Double.isFinite(Double.parseDouble(text)) ? Double.valueOf(text) : null;
      }
      return switch (text) {
        case "true", "True" -> true;
        case "false", "False" -> false;
        default -> null;
      };
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** A path as a config has it, which may begin in the home folder. */
  static Path path(String text) {
    return Path.of(
        text.startsWith("~/") ? System.getProperty("user.home") + text.substring(1) : text);
  }

  private static String name(Object enumConstant) {
    return ((Enum<?>) enumConstant).name().toLowerCase(Locale.ROOT);
  }

  private @Nullable Object wrong(String key, Type type, Node value) {
    String found =
        value instanceof Node.Scalar s
            ? "'" + s.text() + "'"
            : value instanceof Node.Sequence ? "a list" : "a section";
    String hint =
        value instanceof Node.Scalar s && type instanceof Class<?> c && c.isEnum()
            ? Suggestions.place(s.text())
            : "";
    problems.add(
        "%s: key '%s' is %s, expected %s%s"
            .formatted(value.origin(), key, found, expected(type), hint));
    return null;
  }

  private String expected(Type type) {
    return expected(type, registry);
  }

  /** What a value of this type is, in words. */
  static String expected(Type type, ComponentRegistry registry) {
    if (type instanceof ParameterizedType p) {
      return p.getRawType() == List.class
          ? "a list, each " + expected(p.getActualTypeArguments()[0], registry)
          : "a map";
    }
    Class<?> c = (Class<?>) type;
    if (c.isEnum()) {
      return "one of "
          + Arrays.stream(c.getEnumConstants()).map(Binder::name).collect(Collectors.joining(", "));
    }
    if (c == int.class || c == Integer.class || c == long.class || c == Long.class) {
      return "an integer";
    }
    if (c == double.class || c == Double.class) {
      return "a number";
    }
    if (c == boolean.class || c == Boolean.class) {
      return "true or false";
    }
    if (c == Path.class) {
      return "a path";
    }
    if (c == String.class) {
      return "a string";
    }
    return "a section with _component_: " + String.join(" or ", registry.names(c));
  }

  static String snake(String camel) {
    return camel.replaceAll("(?<!^)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
