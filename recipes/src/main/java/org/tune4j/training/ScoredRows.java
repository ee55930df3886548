package org.tune4j.training;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.tune4j.checkpoint.Labels;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetReport;
import org.tune4j.data.Example;

/**
 * Rows as a classifier is trained on them: each has one label, at its last token that is no
 * padding.
 *
 * @param rows each a text, with its class where it has one
 * @param labels of the classifier
 * @param classes whether the label is the row's class; else it stands for the only score
 */
record ScoredRows(Dataset rows, Labels labels, boolean classes) implements Dataset {
  @Override
  public int size() {
    return rows.size();
  }

  @Override
  public int rowsTogether() {
    return rows.rowsTogether();
  }

  @Override
  public Example get(int index) {
    Example e = rows.get(index);
    int[] only = new int[e.tokens().length];
    Arrays.fill(only, Example.IGNORED);
    only[labels.last(e.tokens())] = classes ? (int) e.facts().ratings()[0] : 0;
    return new Example(e.tokens(), only, e.rowEnds(), e.facts());
  }

  @Override
  public String fingerprint() {
    return "scored %s %s".formatted(labels, rows.fingerprint());
  }

  @Override
  public DatasetReport report() {
    DatasetReport of = rows.report();
    return new DatasetReport(
        of.rows(),
        of.examples(),
        of.truncated(),
        of.skipped(),
        of.firstSkipped(),
        0,
        of.tokens(),
        of.rows(),
        of.repeated(),
        of.notes());
  }

  @Override
  public IntStream rowLengths() {
    return rows.rowLengths();
  }
}
