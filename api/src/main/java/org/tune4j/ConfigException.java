package org.tune4j;

import java.util.List;

/** A config with problems, all of them at once. Exit code 2. */
public final class ConfigException extends TuneException {
  private static final long serialVersionUID = 1;

  /**
   * All problems of a config.
   *
   * @param problems one line each with file, line and column; at least one
   */
  public ConfigException(List<String> problems) {
    super(problems);
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
