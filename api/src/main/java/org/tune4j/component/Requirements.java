package org.tune4j.component;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/**
 * What the arguments of a component must satisfy. All that do not are told at once, so that a
 * config is mended in one go:
 *
 * <pre>{@code
 * new Requirements()
 *     .that(rank > 0, "lora_rank is %d, expected 1 or more".formatted(rank))
 *     .that(alpha > 0, "lora_alpha is %s, expected a number above 0".formatted(alpha))
 *     .check();
 * }</pre>
 *
 * <p>A message begins with the key as a config has it, which is how its place is found.
 */
public final class Requirements {
  private final List<String> unmet = new ArrayList<>();

  /**
   * A condition.
   *
   * @param holds whether it does
   * @param message what is said where it does not; begins with the key
   * @return this
   */
  public Requirements that(boolean holds, String message) {
    if (!holds) {
      unmet.add(message);
    }
    return this;
  }

  /**
   * A number that is not too small, or none at all.
   *
   * @param least what is accepted, and all above
   * @param key as a config has it
   * @param value null where the config names none
   * @return this
   */
  public Requirements atLeast(long least, String key, @Nullable Number value) {
    return that(
        value == null || value.longValue() >= least,
        "%s is %s, expected %d or more".formatted(key, value, least));
  }

  /**
   * Collects the complaints of another component that is made here.
   *
   * @param <T> what is made
   * @param made may throw a {@link UsageException}
   * @return what was made, or null where it could not be
   */
  public <T> @Nullable T of(Supplier<T> made) {
    try {
      return made.get();
    } catch (UsageException e) {
      unmet.addAll(e.problems());
      return null;
    }
  }

  /**
   * Ends the list.
   *
   * @throws UsageException with all that does not hold, in the order of the requirements
   */
  public void check() {
    if (!unmet.isEmpty()) {
      throw new UsageException(unmet);
    }
  }
}
