package org.tune4j.component;

import java.util.List;

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
}
