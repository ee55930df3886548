package org.tune4j.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.tune4j.component.ByName;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;

/** The keys of a component's section, read from its signature. */
final class Keys {
  private Keys() {}

  /** The parameters that are keys, those of inlined records in their place. */
  static List<Parameter> of(Executable e) {
    List<Parameter> all = new ArrayList<>();
    for (Parameter p : e.getParameters()) {
      if (p.isAnnotationPresent(Inline.class)) {
        all.addAll(of(constructor(p.getType())));
      } else if (p.getType() != ByName.class && !p.isAnnotationPresent(Provided.class)) {
        all.add(p);
      }
    }
    return all;
  }

  /** The keys' names, in order, each once. */
  static Set<String> names(Collection<Parameter> keys) {
    return keys.stream().map(Keys::name).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** What calls an inlined record. */
  static Constructor<?> constructor(Class<?> record) {
    return record.getConstructors()[0];
  }

  /** A parameter's key. */
  static String name(Parameter p) {
    return snake(p.getName());
  }

  static String snake(String camel) {
    return camel.replaceAll("(?<!^)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
