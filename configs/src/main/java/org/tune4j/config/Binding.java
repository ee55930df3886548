package org.tune4j.config;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.ConfigException;
import org.tune4j.TuneException;
import org.tune4j.component.ByName;
import org.tune4j.component.Default;
import org.tune4j.component.Hint;
import org.tune4j.component.Incomplete;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;

/** One attempt to build what a config describes, and all that is wrong with it. */
final class Binding {
  static final String COMPONENT = "_component_";
  private static final Pattern WORD = Pattern.compile("\\w+");

  private final ComponentRegistry registry;
  private final List<String> problems = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final List<String> missing = new ArrayList<>();

  Binding(ComponentRegistry registry) {
    this.registry = registry;
  }

  /** Adds a line for people. */
  void note(String line) {
    notes.add(line);
  }

  /**
   * What was built.
   *
   * @throws ConfigException with every problem that was found
   */
  <T> Bound<T> result(Class<T> kind, @Nullable Object built) {
    requireNoProblem();
    if (built == null) {
      throw new ConfigException(problems);
    }
    return new Bound<>(kind.cast(built), List.copyOf(notes), List.copyOf(missing));
  }

  /**
   * Checks that nothing is wrong so far.
   *
   * @throws ConfigException with every problem that was found
   */
  void requireNoProblem() {
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
  }

  /** Keys of the top level that ask for nothing a component of this kind has to know. */
  Set<String> ignored(Class<?> kind, Node.Section root) {
    Set<String> ignored = Keys.names(registry.keys(kind));
    ignored.removeIf(
        key -> !root.entries().containsKey(key) || !Torchtune.isOff(root.entries().get(key)));
    ignored.addAll(Torchtune.keys());
    return ignored;
  }

  /** What the section of a key describes. */
  @Nullable Object section(Class<?> kind, String key, Node.Section root) {
    Node value = root.entries().get(key);
    if (value == null) {
      problems.add(
          "%s: key '%s' is missing; expected %s".formatted(root.origin(), key, expected(kind)));
      return null;
    }
    return convert(key, kind, value);
  }

  @Nullable Object build(Factory f, Node.Section section, Set<String> ignored) {
    int before = problems.size();
    unknownKeys(f.keys(), section, ignored);
    Object built = call(f, section);
    return problems.size() > before ? null : built;
  }

  void unknownKeys(List<Parameter> keys, Node.Section section, Set<String> ignored) {
    Set<String> accepted = Keys.names(keys);
    section
        .entries()
        .forEach(
            (key, value) -> {
              if (!accepted.contains(key)
                  && !ignored.contains(key)
                  && !Torchtune.changesNothing(key, value)
                  && !key.equals(COMPONENT)) {
                unknownKey(key, value, known(keys, section), accepted);
              }
            });
  }

  /** One that is off asks for nothing, unless a known key was meant. */
  private void unknownKey(String key, Node value, List<Parameter> known, Set<String> accepted) {
    String meant = Suggestions.hint(key, known);
    Optional<String> unsupported = Unsupported.key(key);
    if (meant.isEmpty() && Torchtune.isOff(value)) {
      notes.add("%s: key '%s' is not known and off: it is ignored".formatted(value.origin(), key));
    } else if (unsupported.isPresent()) {
      String is = value instanceof Node.Scalar s ? " is '%s'".formatted(s.text()) : "";
      problems.add("%s: key '%s'%s: %s".formatted(value.origin(), key, is, unsupported.get()));
    } else {
      problems.add(
          "%s: key '%s' is not known%s; accepted are %s"
              .formatted(value.origin(), key, meant, String.join(", ", accepted)));
    }
  }

  /**
   * Calls it with its keys' values; null where that failed and the problems say why. A value that
   * cannot be read gives way to its default meanwhile, so that the others are judged all the same.
   */
  private @Nullable Object call(Factory f, Node.Section section) {
    Parameter[] parameters = f.executable().getParameters();
    Object[] arguments = new Object[parameters.length];
    Set<String> unreadable = new HashSet<>();
    boolean complete = true;
    for (int i = 0; i < parameters.length; i++) {
      Parameter p = parameters[i];
      String key = Keys.name(p);
      int before = problems.size();
      if (p.isAnnotationPresent(Inline.class)) {
        arguments[i] = call(Factory.inlined(p.getType()), section);
        complete &= problems.size() == before;
      } else if (p.getParameterizedType() instanceof ParameterizedType lookup
          && lookup.getRawType() == ByName.class) {
        arguments[i] = Binder.byName(registry, (Class<?>) lookup.getActualTypeArguments()[0]);
      } else if (p.isAnnotationPresent(Provided.class)) {
        arguments[i] = provided(f, p, section);
        complete &= arguments[i] != null;
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
      Object built = f.call(arguments);
      if (built instanceof Incomplete i) {
        i.missing().ifPresent(m -> missing.add(place(section, m) + ": " + m));
      }
      return unreadable.isEmpty() ? built : null;
    } catch (InvocationTargetException x) {
      if (x.getCause() instanceof TuneException known) {
        known.problems().stream()
            .filter(problem -> words(problem).noneMatch(unreadable::contains))
            .forEach(problem -> problems.add(place(section, problem) + ": " + problem));
        return null;
      }
      throw new IllegalStateException("component " + f.executable() + " failed", x.getCause());
    } catch (ReflectiveOperationException x) {
      throw new IllegalStateException("component " + f.executable() + " cannot be called", x);
    }
  }

  private @Nullable Object provided(Factory f, Parameter p, Node.Section section) {
    Object value = registry.provided(p.getType());
    if (value == null) {
      problems.add(
          "%s: '%s' needs a value of %s, which this program does not provide; name another component"
              .formatted(section.origin(), f.name(), p.getType().getName()));
    }
    return value;
  }

  /** What may stand in a section: its own keys, and at the top the model's, which move there. */
  private List<Parameter> known(List<Parameter> keys, Node.Section section) {
    List<Parameter> all = new ArrayList<>(keys);
    if (section.entries().containsKey(Config.MODEL)) {
      all.addAll(registry.keysOfModel(keys));
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
    boolean nullable = p.getAnnotatedType().isAnnotationPresent(Nullable.class);
    boolean isNull = value instanceof Node.Scalar s && s.isNull();
    if ((value == null || (isNull && !nullable)) && p.isAnnotationPresent(Default.class)) {
      return fallback(key, p);
    }
    if (value == null || isNull) {
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
      return PlainValue.anything(value);
    }
    if (value instanceof Node.Scalar s && PlainValue.isPlain(c)) {
      Object plain = PlainValue.of(c, s);
      return plain != null ? plain : wrong(key, type, value);
    }
    if (value instanceof Node.Section s && !PlainValue.isPlain(c)) {
      return component(key, c, s);
    }
    if (value instanceof Node.Scalar s && !PlainValue.isPlain(c)) {
      Node.Section named = new Node.Section(Map.of(), s.origin());
      return component(key, c, s, named);
    }
    Factory ofList = value instanceof Node.Sequence ? registry.ofList(c) : null;
    if (ofList != null) {
      Map<String, Node> only = Map.of(Keys.name(ofList.keys().get(0)), value);
      return build(ofList, new Node.Section(only, value.origin()), Set.of());
    }
    return wrong(key, type, value);
  }

  /** A section names its component, or means the one that is called as what is expected. */
  private @Nullable Object component(String key, Class<?> kind, Node.Section section) {
    Node name = section.entries().get(COMPONENT);
    if (name instanceof Node.Scalar s) {
      return component(key + "." + COMPONENT, kind, s, section);
    }
    Factory own = name == null ? registry.find(Keys.snake(kind.getSimpleName()), kind) : null;
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
    Factory f = registry.find(name.text(), kind);
    if (f == null) {
      String unknown =
          Unsupported.component(name.text())
              .map(": "::concat)
              .orElseGet(
                  () ->
                      ", which is not known%s; there are %s"
                          .formatted(
                              Nearest.hint(Torchtune.last(name.text()), names),
                              String.join(", ", names)));
      problems.add("%s: %s is '%s'%s".formatted(name.origin(), place, name.text(), unknown));
      return null;
    }
    Torchtune.standIn(name.text())
        .ifPresent(
            n -> notes.add("%s: %s '%s' %s".formatted(name.origin(), place, name.text(), n)));
    return build(f, arguments, Set.of());
  }

  private @Nullable Object wrong(String key, Type type, Node value) {
    String found =
        value instanceof Node.Scalar s
            ? "'" + s.text() + "'"
            : value instanceof Node.Sequence ? "a list" : "a section";
    String hint = value instanceof Node.Scalar && type instanceof Class<?> c ? hint(c) : "";
    problems.add(
        "%s: key '%s' is %s, expected %s%s"
            .formatted(value.origin(), key, found, expected(type), hint));
    return null;
  }

  private static String hint(Class<?> values) {
    Hint hint = values.getAnnotation(Hint.class);
    return hint == null ? "" : "; " + hint.value();
  }

  private String expected(Type type) {
    return ExpectedValue.of(type, registry);
  }
}
