package org.tune4j;

/**
 * Training cannot go on: a loss or a gradient is no finite number, or one of several runs has
 * failed. Exit code 1.
 */
public final class TrainingException extends TuneException {
  private static final long serialVersionUID = 1;

  /**
   * A failure.
   *
   * @param message one line: which step and rows, or which run, and what to change
   */
  public TrainingException(String message) {
    super(message, null);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
