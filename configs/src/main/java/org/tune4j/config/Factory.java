package org.tune4j.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;

/**
 * What builds a component.
 *
 * @param executable that is called
 * @param owner of an executable that is no static one; null for others
 * @param name the short one, as a config has it
 * @param aliases other accepted names
 * @param origin where it comes from, for people
 */
record Factory(
    Executable executable,
    @Nullable Object owner,
    String name,
    List<String> aliases,
    String origin) {
  /** The components of a class. */
  static List<Factory> in(Class<?> holder, String origin) {
    return Stream.concat(
            Arrays.stream(holder.getConstructors()), Arrays.stream(holder.getMethods()))
        .filter(e -> e.isAnnotationPresent(Component.class))
        .map(
            e -> {
              Component c = e.getAnnotation(Component.class);
              return new Factory(e, null, c.value(), List.of(c.aliases()), origin);
            })
        .toList();
  }

  /** The components of an object, by its name, which may be a dotted one. */
  static List<Factory> of(String dotted, Object owner, String origin) {
    String name = Torchtune.last(dotted);
    String parent = dotted.substring(0, dotted.length() - name.length());
    return in(owner.getClass(), origin).stream()
        .map(
            f -> {
              String own = f.name.replace("*", name);
              List<String> aliases = parent.isEmpty() ? List.of() : List.of(parent + own);
              return new Factory(f.executable, owner, own, aliases, origin);
            })
        .toList();
  }

  /** What calls a record that is inlined into a component's keys. */
  static Factory inlined(Class<?> type) {
    return new Factory(Keys.constructor(type), null, type.getSimpleName(), List.of(), "");
  }

  /** What it gives. */
  Class<?> kind() {
    return executable instanceof Method m
        ? m.getReturnType()
        : ((Constructor<?>) executable).getDeclaringClass();
  }

  boolean gives(Class<?> kind) {
    return kind.isAssignableFrom(kind());
  }

  String holder() {
    return executable.getDeclaringClass().getName();
  }

  List<Parameter> keys() {
    return Keys.of(executable);
  }

  /** Builds the component. */
  Object call(Object[] arguments) throws ReflectiveOperationException {
    return executable instanceof Method m
        ? m.invoke(owner, arguments)
        : ((Constructor<?>) executable).newInstance(arguments);
  }

  /** Why a config could not build it; null where it can. */
  @Nullable String unusable() {
    if (!Modifier.isPublic(executable.getDeclaringClass().getModifiers())) {
      return "class %s is not public; make it public".formatted(holder());
    }
    if (owner == null && executable instanceof Method m && !Modifier.isStatic(m.getModifiers())) {
      return "%s.%s is not static; make it static".formatted(holder(), m.getName());
    }
    return Arrays.stream(executable.getParameters()).allMatch(Parameter::isNamePresent)
        ? null
        : "%s was compiled without parameter names, which are the config's keys; compile with `javac -parameters`"
            .formatted(holder());
  }
}
