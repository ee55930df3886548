package org.tune4j;

/** The machine lacks something: disk space, memory, a device, a native library. Exit code 1. */
public final class EnvironmentException extends TuneException {
  /**
   * A failure without a cause of its own.
   *
   * @param message one line: what, actual against expected, where, the fix
   */
  public EnvironmentException(String message) {
    super(message, null);
  }

  /**
   * A failure with its cause, which is shown with a stack trace only.
   *
   * @param message one line: what, actual against expected, where, the fix
   * @param cause what was caught
   */
  public EnvironmentException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
