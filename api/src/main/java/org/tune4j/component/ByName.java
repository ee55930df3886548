package org.tune4j.component;

import org.jspecify.annotations.Nullable;

/**
 * The components of one kind that need no arguments, by their names: for a key whose texts name
 * such components among other things, such as files. A parameter of this type is no key; whoever
 * builds the component from a config gives what is built in and what plugins bring.
 *
 * @param <T> what the components give
 */
@FunctionalInterface
public interface ByName<T> {
  /**
   * Builds the component of a name.
   *
   * @param name as a config has it, or one of its aliases
   * @return null when there is none of that name and kind
   * @throws org.tune4j.ConfigException when it needs arguments
   */
  @Nullable T find(String name);

  /**
   * {@return a lookup that finds nothing}
   *
   * @param <T> what the components would give
   */
  static <T> ByName<T> none() {
    return name -> null;
  }
}
