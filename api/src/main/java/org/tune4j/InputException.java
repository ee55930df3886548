package org.tune4j;

/**
 * A file that was given cannot be used: a checkpoint, an adapter, a tokenizer, a data file. Exit
 * code 1.
 */
public final class InputException extends TuneException {
  /**
   * A failure without a cause of its own.
   *
   * @param message one line: what, actual against expected, where, the fix
   */
  public InputException(String message) {
    super(message, null);
  }

  /**
   * A failure with its cause, which is shown with a stack trace only.
   *
   * @param message one line: what, actual against expected, where, the fix
   * @param cause what was caught
   */
  public InputException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
