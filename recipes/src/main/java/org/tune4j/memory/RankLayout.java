package org.tune4j.memory;

import java.util.OptionalLong;

/**
 * Where ranks run.
 *
 * @param worldSize all of them
 * @param local those of this machine
 * @param threads whether all are threads of one process
 */
public record RankLayout(int worldSize, int local, boolean threads) {
  int ofOneProcess() {
    return threads ? worldSize : 1;
  }

  /**
   * {@return what one of this machine's processes may take of what it has}
   *
   * @param available bytes; empty where nothing is known
   */
  public OptionalLong room(OptionalLong available) {
    return available.isEmpty() || threads
        ? available
        : OptionalLong.of(available.getAsLong() / local);
  }
}
