package org.tune4j;

import org.jspecify.annotations.Nullable;

/**
 * A failure that the user can mend. The message is one line and says what is wrong, the actual
 * value against the expected one, where, and the fix; it is shown without a stack trace.
 *
 * <p>Anything else that escapes is a defect of Tune4J or of a plugin.
 */
public abstract sealed class TuneException extends RuntimeException
    permits UsageException,
        ConfigException,
        InputException,
        EnvironmentException,
        TrainingException {
  TuneException(String message, @Nullable Throwable cause) {
    super(message.strip().replaceAll("\\s*[\\r\\n]+\\s*", " "), cause);
  }

  /**
   * What the process exits with when this ends it: 1 a run that failed, 2 a command or config that
   * is wrong.
   */
  public abstract int exitCode();
}
