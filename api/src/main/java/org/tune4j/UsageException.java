package org.tune4j;

import java.util.List;

/** The command line, the config, or a call of the library's API is wrong. Exit code 2. */
public final class UsageException extends TuneException {
  /**
   * A failure without a cause of its own.
   *
   * @param message one line: what, actual against expected, where, the fix
   */
  public UsageException(String message) {
    super(message, null);
  }

  /**
   * Several things that are wrong at once.
   *
   * @param problems one line each, at least one
   */
  public UsageException(List<String> problems) {
    super(problems);
  }

  /**
   * A failure with its cause, which is shown with a stack trace only.
   *
   * @param message one line: what, actual against expected, where, the fix
   * @param cause what was caught
   */
  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
