package org.tune4j.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/**
 * The files of a data set.
 *
 * @param source a format's name, or one on the Hugging Face Hub; empty where each file's ending
 *     tells
 * @param format null where each file's ending tells
 * @param patterns paths, or globs such as {@code data/*.jsonl}, in which {@code **} stands for any
 *     folders
 */
record DataFiles(String source, @Nullable FileFormat format, List<Path> patterns) {
  private static final String FORMATS = "JSON, JSONL, CSV, Parquet or text";

  /** A file that is there. */
  record DataFile(Path path, FileFormat format) {}

  /**
   * As torchtune's configs have it.
   *
   * @param source a format's name; or a name on the Hugging Face Hub, whose files are then those
   *     given
   */
  static DataFiles of(String source, @Nullable List<Path> dataFiles) {
    FileFormat format = FileFormat.named(source);
    if (format == null && !source.isEmpty() && !source.contains("/")) {
      throw new UsageException(
          "source is '%s', expected one of %s".formatted(source, FileFormat.NAMES));
    }
    return new DataFiles(source, format, dataFiles == null ? List.of() : List.copyOf(dataFiles));
  }

  /** What is said where no files are named, which a config may leave to the command line. */
  Optional<String> missing() {
    return !patterns.isEmpty()
        ? Optional.empty()
        : Optional.of(
            format == null && !source.isEmpty()
                ? "source '%1$s' is a data set of the Hugging Face Hub; fetch it with tune download --repo-type dataset %1$s, and set data_files to its %2$s files"
                    .formatted(source, FORMATS)
                : "data_files is missing; set it to %s files".formatted(FORMATS));
  }

  /**
   * The files that are there, those of a glob sorted by name.
   *
   * @throws UsageException when none are named
   * @throws InputException when there is none of a name
   */
  List<DataFile> resolve() {
    missing()
        .ifPresent(
            m -> {
              throw new UsageException(m);
            });
    List<DataFile> files = new ArrayList<>();
    for (Path pattern : patterns) {
      for (Path file : matches(pattern)) {
        files.add(new DataFile(file, format == null ? FileFormat.of(file) : format));
      }
    }
    return files;
  }

  private static List<Path> matches(Path pattern) {
    if (Files.isRegularFile(pattern)) {
      if (!Files.isReadable(pattern)) {
        throw new InputException(
            "data file %s cannot be read: permission denied".formatted(pattern));
      }
      return List.of(pattern);
    }
    if (Files.isDirectory(pattern)) {
      throw new InputException(
          "data file %s is a folder; name its files, such as %s"
              .formatted(pattern, pattern.resolve("*.jsonl")));
    }
    if (Files.exists(pattern)) {
      throw new InputException(
          "data file %s is a pipe or a device, expected a regular file; write it to one"
              .formatted(pattern));
    }
    Path fixed = pattern.getRoot() == null ? Path.of("") : pattern.getRoot();
    int names = 0;
    // A folder of that very name is meant before a pattern is.
    while (names < pattern.getNameCount()
        && (!isGlob(pattern.getName(names))
            || Files.exists(fixed.resolve(pattern.getName(names))))) {
      fixed = fixed.resolve(pattern.getName(names++));
    }
    if (names == pattern.getNameCount()) {
      throw new InputException(
          "data file %s does not exist; name %s files".formatted(pattern, FORMATS));
    }
    Path rest = pattern.subpath(names, pattern.getNameCount());
    List<Path> found = Files.isDirectory(fixed) ? walk(fixed, rest) : List.of();
    if (found.isEmpty()) {
      throw new InputException("no data file matches %s".formatted(pattern));
    }
    return found;
  }

  /** Files in a folder whose path from there matches. */
  private static List<Path> walk(Path folder, Path pattern) {
    PathMatcher matcher;
    try {
      matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      return List.of();
    }
    int depth = pattern.toString().contains("**") ? Integer.MAX_VALUE : pattern.getNameCount();
    try (Stream<Path> paths = Files.walk(folder, depth)) {
      return paths
          .filter(p -> matcher.matches(folder.relativize(p)))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw unreadable(folder, Objects.requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  private static InputException unreadable(Path folder, IOException e) {
    return new InputException(
        "folder %s cannot be read: %s".formatted(folder, TuneException.reason(e)), e);
  }

  private static boolean isGlob(Path name) {
    return name.toString().chars().anyMatch(c -> "*?[{".indexOf(c) >= 0);
  }
}
