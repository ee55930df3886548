package org.tune4j.rewards;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.tune4j.InputException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * 1 for answers that end with the right one, as a calculation ends with its result; 0 for others.
 * Case and what is no letter or digit are not looked at.
 */
public final class FinalAnswerReward implements RewardFunction {
  private final String column;

  /**
   * Against a column of the row.
   *
   * @param column that holds the right answer, a text or a number
   */
  @Component("final_answer_reward")
  public FinalAnswerReward(
      @Doc("the column that holds the right answer") @Default("answer") String column) {
    this.column = column;
  }

  /**
   * {@inheritDoc}
   *
   * @throws InputException when the row has no such column
   */
  @Override
  public double reward(Completion completion) {
    Object right = completion.columns().get(column);
    if (right == null) {
      throw new InputException(
          "column '%s' is missing in the row of prompt '%s', found %s; name the right answer's with reward.column=NAME"
              .formatted(
                  column, completion.prompt(), String.join(", ", completion.columns().keySet())));
    }
    List<String> given = words(completion.text());
    List<String> wanted = words(right.toString());
    int from = given.size() - wanted.size();
    return from >= 0 && given.subList(from, given.size()).equals(wanted) ? 1 : 0;
  }

  private static List<String> words(String text) {
    List<String> words =
        new ArrayList<>(List.of(text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")));
    words.remove("");
    return words;
  }
}
