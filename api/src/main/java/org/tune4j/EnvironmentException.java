package org.tune4j;

/** The machine lacks something: disk space, memory, a device, a native library. Exit code 1. */
public final class EnvironmentException extends TuneException {
  public EnvironmentException(String message) {
    super(message, null);
  }

  public EnvironmentException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
