package org.tune4j.rewards;

import java.util.List;
import java.util.Map;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;

/**
 * A function that a program gives instead of naming a component.
 *
 * @param function the lambda
 */
public record ProgramReward(RewardFunction function) implements ComponentProvider {
  /** What a config calls it. */
  public static final String NAME = "program_reward";

  @Override
  public List<Class<?>> components() {
    return List.of();
  }

  @Override
  public Map<String, ?> objects() {
    return Map.of(NAME, this);
  }

  /** {@return the function} */
  @Component("*")
  public RewardFunction reward() {
    return function;
  }
}
