package org.tune4j.rewards;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/** 1 for answers of a form, 0 for others. */
public final class RegexReward implements RewardFunction {
  private final Pattern pattern;

  /**
   * Of answers in which an expression is found.
   *
   * @param pattern in the syntax of {@link Pattern}; {@code .} is also a line's end
   * @throws UsageException when it is no expression
   */
  @Component("regex_reward")
  public RegexReward(
      @Doc("what is looked for in the answer, in Java's syntax; ^ and $ are its ends")
          String pattern) {
    try {
      this.pattern = Pattern.compile(pattern, Pattern.DOTALL);
    } catch (PatternSyntaxException e) {
      throw new UsageException(
          "pattern is '%s', expected a regular expression: %s at character %d"
              .formatted(pattern, e.getDescription(), e.getIndex() + 1));
    }
  }

  @Override
  public double reward(Completion completion) {
    return pattern.matcher(completion.text().strip()).find() ? 1 : 0;
  }
}
