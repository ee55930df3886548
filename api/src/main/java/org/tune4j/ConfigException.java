package org.tune4j;

import java.util.List;

/** A config with problems, all of them at once. Exit code 2. */
public final class ConfigException extends TuneException {
  private static final long serialVersionUID = 1;

  private final transient List<String> problems;

  /** One line a problem, at least one. */
  public ConfigException(List<String> problems) {
    super(String.join("; ", problems), null);
    this.problems = List.copyOf(problems);
  }

  /** One line a problem. */
  public List<String> problems() {
    return problems;
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
