package org.tune4j.component;

import java.util.List;
import java.util.Map;

/**
 * Names the classes that hold {@link Component}s. Found by {@link java.util.ServiceLoader}: a jar
 * brings its own with a file {@code META-INF/services/org.tune4j.component.ComponentProvider}.
 */
public interface ComponentProvider {
  /**
   * {@return classes with public constructors or public static methods that carry {@link
   * Component}}
   */
  List<Class<?>> components();

  /**
   * {@return objects with public methods that carry {@link Component}, by their names. The last
   * part of an object's name stands for {@code *} in its components' names; what is before it, as
   * in {@code torchtune.models.llama2.llama2_7b}, makes an alias with that}
   */
  default Map<String, ?> objects() {
    return Map.of();
  }
}
