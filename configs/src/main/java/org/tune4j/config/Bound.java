package org.tune4j.config;

import java.util.List;
import org.tune4j.ConfigException;

/**
 * What a config describes, built, and what a user should know of it.
 *
 * @param <T> what was built
 * @param component its constructor has run, and nothing else
 * @param notes a line for each key that has no effect and each component that another stands for,
 *     with its place
 * @param missing a line for each thing that a run needs beside the config, with its place and the
 *     fix
 */
public record Bound<T>(T component, List<String> notes, List<String> missing) {
  /**
   * {@return the component, which can run}
   *
   * @throws ConfigException with all that is missing
   */
  public T complete() {
    if (!missing.isEmpty()) {
      throw new ConfigException(missing);
    }
    return component;
  }
}
