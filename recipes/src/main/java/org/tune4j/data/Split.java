package org.tune4j.data;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * A slice of the rows as Hugging Face's {@code load_dataset} writes it: {@code train}, {@code
 * train[:90%]}, {@code train[10:20]}, {@code train[-5%:]}. Percentages are rounded to the nearest
 * row, so that neighbouring slices neither overlap nor leave a row out.
 *
 * @param text as written
 * @param from where it begins; null for the first row
 * @param to where it ends; null behind the last
 */
record Split(String text, @Nullable Bound from, @Nullable Bound to) {
  private static final Pattern SLICE =
      Pattern.compile("(\\w+)(?:\\[(-?\\d{1,9}%?)?:(-?\\d{1,9}%?)?\\])?");

  /** Rows, or percent of them; below 0 counted from the end. */
  record Bound(int value, boolean percent) {
    long of(long rows) {
      long at = percent ? Math.round(rows * (double) value / 100) : value;
      return Math.max(0, Math.min(rows, at < 0 || (at == 0 && value < 0) ? rows + at : at));
    }
  }

  /** A part of the rows. */
  record Range(int from, int to) {
    int size() {
      return to - from;
    }

    /** Of units of so many rows. */
    Range times(int rows) {
      return new Range(from * rows, to * rows);
    }
  }

  static Split parse(String text) {
    Matcher m = SLICE.matcher(text.strip());
    if (!m.matches()) {
      throw new UsageException(
          "split is '%s', expected train, or a slice such as train[:90%%], train[10:20], train[-5%%:]"
              .formatted(text));
    }
    if (!m.group(1).equals("train")) {
      throw new UsageException(
          "split is '%s', but local files are one split, train; name this split's own files in data_files or take a slice such as train[-10%%:]"
              .formatted(text));
    }
    return new Split(text, bound(m.group(2)), bound(m.group(3)));
  }

  private static @Nullable Bound bound(@Nullable String text) {
    if (text == null) {
      return null;
    }
    boolean percent = text.endsWith("%");
    int value = Integer.parseInt(percent ? text.substring(0, text.length() - 1) : text);
    if (percent && Math.abs(value) > 100) {
      throw new UsageException("split has %s, expected at most 100%%".formatted(text));
    }
    return new Bound(value, percent);
  }

  /**
   * The slice of so many rows.
   *
   * @throws InputException when it is empty
   */
  Range of(int rows) {
    int first = from == null ? 0 : (int) from.of(rows);
    int last = to == null ? rows : (int) to.of(rows);
    if (first >= last) {
      throw new InputException("split '%s' of %d rows is empty".formatted(text, rows));
    }
    return new Range(first, last);
  }
}
