package org.tune4j.training;

import java.util.List;
import java.util.stream.Collectors;
import org.tune4j.TrainingException;
import org.tune4j.data.Example;

/**
 * The rows of one step.
 *
 * @param step from 0
 * @param indices of all ranks' rows
 * @param all these rows
 * @param ownIndices of this rank's rows
 * @param own these rows
 * @param count what the step's sums are divided by
 */
record StepRows(
    long step,
    List<Integer> indices,
    List<Example> all,
    List<Integer> ownIndices,
    List<Example> own,
    long count) {
  private static final String UNTOUCHED = "nothing was updated";
  private static final String PARTLY =
      "later layers are already updated, so only an earlier checkpoint is valid";

  /** What to throw where a loss or gradient of some rows is no finite number. */
  TrainingException notFinite(String what, double value, List<Integer> rows) {
    return notFinite(what, value, rows, false);
  }

  /** The same where some parameters may be updated already. */
  TrainingException notFinite(String what, double value, List<Integer> rows, boolean partly) {
    return new TrainingException(
        "step %d: the %s of rows %s is %s; %s: lower optimizer.lr, set clip_grad_norm=1.0, use dtype=fp32, or look at these rows"
            .formatted(
                step + 1,
                what,
                rows.stream().map(i -> Integer.toString(i + 1)).collect(Collectors.joining(", ")),
                value,
                partly ? PARTLY : UNTOUCHED));
  }
}
