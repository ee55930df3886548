package org.tune4j;

import org.jspecify.annotations.Nullable;

/**
 * The ranks of a run do not come together: one is gone, late, or does something else. Exit code 1.
 */
public final class CollectiveException extends TuneException {
  private static final long serialVersionUID = 1;

  /**
   * A failure without a cause of its own.
   *
   * @param message one line: which rank, and what it did
   */
  public CollectiveException(String message) {
    this(message, null);
  }

  /**
   * A failure with its cause.
   *
   * @param message one line: which rank, and what it did
   * @param cause what was caught, if anything
   */
  public CollectiveException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public int exitCode() {
    return 1;
  }
}
