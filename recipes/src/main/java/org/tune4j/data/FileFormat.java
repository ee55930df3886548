package org.tune4j.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * The formats of data files, by the names that Hugging Face's {@code load_dataset} has for them.
 */
enum FileFormat {
  JSON("json|jsonl|ndjson"),
  CSV("csv|tsv"),
  PARQUET("parquet"),
  TEXT("txt|text");

  static final String NAMES = "json, csv, parquet, text";

  private final String endings;

  FileFormat(String endings) {
    this.endings = endings;
  }

  /** By its name in a config; null where it has no such name. */
  static @Nullable FileFormat named(String name) {
    for (FileFormat f : values()) {
      if (f.name().toLowerCase(Locale.ROOT).equals(name)) {
        return f;
      }
    }
    return null;
  }

  /** By the file's ending, without a {@code .gz} behind it; null where that names none. */
  static @Nullable FileFormat byEnding(Path file) {
    String name = String.valueOf(file.getFileName()).replaceFirst("(?i)\\.gz$", "");
    String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    for (FileFormat f : values()) {
      if (ending.matches(f.endings)) {
        return f;
      }
    }
    return null;
  }

  /** By the file's ending. */
  static FileFormat of(Path file) {
    FileFormat format = byEnding(file);
    if (format != null) {
      return format;
    }
    try (InputStream packed = PlainBytes.open(file)) {
      // A file that is compressed in another way says so; naming its format would not help.
      throw new InputException(
          "data file %s: its extension names no format; set dataset.source to one of %s"
              .formatted(file, NAMES));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * Reads all rows.
   *
   * @throws InputException when the file cannot be read on
   */
  void read(Path file, RowSink sink) {
    try {
      switch (this) {
        case JSON -> JsonRows.read(file, sink);
        case CSV -> CsvRows.read(file, sink);
        case PARQUET -> ParquetRows.read(file, sink);
        case TEXT -> TextRows.read(file, sink);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static InputException unreadable(Path file, IOException e) {
    return new InputException(
        "data file %s cannot be read: %s".formatted(file, TuneException.reason(e)), e);
  }
}
