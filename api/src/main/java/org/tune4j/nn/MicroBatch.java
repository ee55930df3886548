package org.tune4j.nn;

import java.util.List;

/** The rows of a micro-batch of all ranks, before any of them is evaluated. */
public interface MicroBatch {
  /**
   * A row.
   *
   * @param tokens ids
   * @param labels one a token: the id that follows, or -100 where it is not trained on
   * @param rating as {@link RowsAtHead#rating} has it
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  record Row(int[] tokens, int[] labels, double rating) {}

  /** {@return the rows, those of other ranks too} */
  List<Row> rows();

  /** {@return how many tokens a row can have at most} */
  int longest();

  /**
   * Evaluates rows without dropout and gradients. All ranks ask the same, and each takes its part.
   *
   * @param rows none longer than {@link #longest}
   * @param objective of these rows
   * @return the sums over the rows of all ranks
   */
  Objective.Sums evaluate(List<Row> rows, Objective objective);
}
