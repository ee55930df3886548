package org.tune4j;

import java.util.List;

/** The command line, the config, or a call of the library's API is wrong. Exit code 2. */
public final class UsageException extends TuneException {
  public UsageException(String message) {
    super(message, null);
  }

  /** Several things that are wrong at once, at least one. */
  public UsageException(List<String> problems) {
    super(problems);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
