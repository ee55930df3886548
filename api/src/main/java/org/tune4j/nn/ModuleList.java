package org.tune4j.nn;

import java.util.List;

/**
 * Modules named by their position: {@code 0}, {@code 1}, ...
 *
 * @param <M> their common type
 */
public final class ModuleList<M extends Module> extends Module {
  private final List<M> list;

  /**
   * A list of modules.
   *
   * @param modules in order; their position is their name
   */
  public ModuleList(List<M> modules) {
    list = List.copyOf(modules);
    for (int i = 0; i < list.size(); i++) {
      add(Integer.toString(i), list.get(i));
    }
  }

  /** {@return the modules in order; unmodifiable} */
  public List<M> list() {
    return list;
  }
}
