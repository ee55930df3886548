package org.tune4j;

import java.util.List;

/** A config with problems, all of them at once. Exit code 2. */
public final class ConfigException extends TuneException {
  private static final long serialVersionUID = 1;

  /** A config with more problems was written for another program. */
  private static final int MOST = 50;

  /**
   * All problems of a config; of more than 50 the first, and how many there are.
   *
   * @param problems one line each with file, line and column; at least one
   */
  public ConfigException(List<String> problems) {
    super(
        problems.size() <= MOST
            ? problems
            : List.of(
                "%s; there are %d more problems, is it another program's config?"
                    .formatted(problems.get(0), problems.size() - 1)));
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
