package org.tune4j.cli.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.Printable;
import org.tune4j.data.Example;
import org.tune4j.tokenizers.Tokenizer;

/** Examples as text, with what is trained on marked. */
final class RowText {
  private final Tokenizer tokenizer;
  private final List<String> labels;
  private final String on;
  private final String off;

  /**
   * With a tokenizer's words.
   *
   * @param labels of the rows' classes; none where they are not of classes
   * @param colours whether a terminal shows it
   */
  RowText(Tokenizer tokenizer, List<String> labels, boolean colours) {
    this.tokenizer = tokenizer;
    this.labels = labels;
    this.on = colours ? "\u001b[32m" : "[[";
    this.off = colours ? "\u001b[0m" : "]]";
  }

  /** An example under a line with its number and sizes; a pack's rows one under the other. */
  String of(int number, Example e) {
    StringBuilder out = new StringBuilder();
    out.append(
        "--- %d: %d tokens, %d trained on%s%n"
            .formatted(
                number,
                e.tokens().length,
                e.labelCount(),
                labels.isEmpty()
                    ? e.rowEnds().length == 1 ? "" : ", %d rows".formatted(e.rowEnds().length)
                    : ", label " + Printable.of(labels.get((int) e.facts().ratings()[0]))));
    int start = 0;
    for (int end : e.rowEnds()) {
      if (start > 0) {
        out.append("---%n".formatted());
      }
      row(e, start, end, out);
      out.append("%n".formatted());
      start = end;
    }
    return out.toString();
  }

  /** A line of JSON for each of an example's rows. */
  static String json(Example e) {
    StringBuilder out = new StringBuilder();
    int start = 0;
    for (int end : e.rowEnds()) {
      int first = start;
      out.append(
          "{\"input_ids\": %s, \"trained\": %s}\n"
              .formatted(
                  Arrays.toString(Arrays.copyOfRange(e.tokens(), start, end)),
                  IntStream.range(start, end).mapToObj(i -> isTrained(e, first, i)).toList()));
      start = end;
    }
    return out.toString();
  }

  /** Whole stretches are decoded, since a character may take several tokens. */
  private void row(Example e, int start, int end, StringBuilder out) {
    for (int from = start; from < end; ) {
      boolean trained = isTrained(e, start, from);
      int to = from + 1;
      while (to < end && isTrained(e, start, to) == trained) {
        to++;
      }
      String text = Printable.of(tokenizer.decode(Arrays.copyOfRange(e.tokens(), from, to)));
      out.append(trained ? on + text + off : text);
      from = to;
    }
  }

  private static boolean isTrained(Example e, int start, int at) {
    return at > start && e.labels()[at - 1] != Example.IGNORED;
  }
}
