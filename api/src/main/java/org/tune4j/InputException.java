package org.tune4j;

/**
 * A file that was given cannot be used: a checkpoint, an adapter, a tokenizer, a data file. Exit
 * code 1.
 */
public final class InputException extends TuneException {
  public InputException(String message) {
    super(message, null);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
