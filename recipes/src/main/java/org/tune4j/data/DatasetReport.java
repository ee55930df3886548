package org.tune4j.data;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What became of a data set's rows.
 *
 * @param rows in use
 * @param examples what they became: as many as rows, or packs
 * @param truncated rows that were cut to {@code tokenizer.max_seq_len}
 * @param skipped bad rows that were left out
 * @param firstSkipped what was wrong with the first few of them
 * @param fullyMasked rows without a token to train on
 * @param tokens of all rows
 * @param labelTokens of those, trained on
 * @param repeated examples that come again within an epoch, since their data set's weight asks so
 * @param notes what the user should know of rows, each to be read behind "rows have", such as
 *     {@code column 'id', which nothing reads}, and of how many
 */
public record DatasetReport(
    long rows,
    long examples,
    long truncated,
    long skipped,
    List<String> firstSkipped,
    long fullyMasked,
    long tokens,
    long labelTokens,
    long repeated,
    Map<String, Long> notes) {
  public DatasetReport {
    firstSkipped = List.copyOf(firstSkipped);
    notes = Collections.unmodifiableMap(new LinkedHashMap<>(notes));
  }

  /** Of both together. */
  DatasetReport plus(DatasetReport o) {
    Map<String, Long> both = new LinkedHashMap<>(notes);
    o.notes.forEach((what, n) -> both.merge(what, n, Long::sum));
    return new DatasetReport(
        rows + o.rows,
        examples + o.examples,
        truncated + o.truncated,
        skipped + o.skipped,
        Stream.concat(firstSkipped.stream(), o.firstSkipped.stream()).limit(3).toList(),
        fullyMasked + o.fullyMasked,
        tokens + o.tokens,
        labelTokens + o.labelTokens,
        repeated + o.repeated,
        both);
  }

  /** The same with so many examples that come again. */
  DatasetReport repeating(long again) {
    return new DatasetReport(
        rows,
        examples,
        truncated,
        skipped,
        firstSkipped,
        fullyMasked,
        tokens,
        labelTokens,
        repeated + again,
        notes);
  }

  /** One line, in which what is zero is not mentioned, and one for each note. */
  @Override
  public String toString() {
    List<String> parts = new ArrayList<>();
    parts.add(count(rows, "row") + (examples == rows ? "" : " in " + count(examples, "pack")));
    parts.add(
        String.format(
            Locale.ROOT, "%s, %,d of them trained on", count(tokens, "token"), labelTokens));
    if (repeated > 0) {
      parts.add(String.format(Locale.ROOT, "%,d repeat in an epoch, by their weights", repeated));
    }
    if (truncated > 0) {
      parts.add("%s cut to tokenizer.max_seq_len".formatted(count(truncated, "row")));
    }
    if (fullyMasked > 0) {
      parts.add("%s with nothing to train on".formatted(count(fullyMasked, "row")));
    }
    if (skipped > 0) {
      parts.add(
          "%s skipped (%s%s)"
              .formatted(
                  count(skipped, "bad row"),
                  String.join("; ", firstSkipped),
                  skipped > firstSkipped.size() ? "; ..." : ""));
    }
    StringBuilder text = new StringBuilder(String.join("; ", parts));
    notes.forEach(
        (note, n) ->
            text.append(
                "%nwarning: %s %s %s".formatted(count(n, "row"), n == 1 ? "has" : "have", note)));
    return text.toString();
  }

  private static String count(long n, String what) {
    return String.format(Locale.ROOT, "%,d %s%s", n, what, n == 1 ? "" : "s");
  }
}
