package org.tune4j;

/** The command line, the config, or a call of the library's API is wrong. Exit code 2. */
public final class UsageException extends TuneException {
  public UsageException(String message) {
    super(message, null);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 2;
  }
}
