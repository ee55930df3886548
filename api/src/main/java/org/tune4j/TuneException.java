package org.tune4j;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import java.util.stream.Collectors;
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
        TrainingException,
        CollectiveException {
  private final transient List<String> problems;

  TuneException(String message, @Nullable Throwable cause) {
    super(oneLine(message), cause);
    this.problems = List.of(oneLine(message));
  }

  TuneException(List<String> problems) {
    super(problems.stream().map(TuneException::oneLine).collect(Collectors.joining("; ")));
    this.problems = problems.stream().map(TuneException::oneLine).toList();
  }

  private static String oneLine(String message) {
    return message.strip().replaceAll("\\s*[\\r\\n]+\\s*", " ");
  }

  /** {@return what is wrong, a line each; mostly one, which is the message} */
  public List<String> problems() {
    return problems;
  }

  /**
   * {@return what the process exits with when this ends it: 1 a run that failed, 2 a command or
   * config that is wrong}
   */
  public abstract int exitCode();

  /**
   * {@return what the operating system said, in words and without the path, which a message names
   * itself}
   *
   * @param cause of a file that could not be read or written
   */
  public static String reason(IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    if (cause instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (cause instanceof FileAlreadyExistsException || cause instanceof NotDirectoryException) {
      return "a file is in the place of a folder";
    }
    String reason =
        cause instanceof FileSystemException system ? system.getReason() : cause.getMessage();
    return reason == null ? cause.getClass().getSimpleName() : reason;
  }
}
