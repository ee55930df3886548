package org.tune4j.hub;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * When a request that failed is tried again: after a wait that doubles each time, up to a limit,
 * less a random part so that many clients do not come back together.
 *
 * @param attempts how often in a row without a byte received, 1 or more
 * @param first the wait after the first failure
 * @param longest of all waits
 */
public record Backoff(int attempts, Duration first, Duration longest) {
  /** Five attempts, half a second to eight. */
  public static final Backoff DEFAULT =
      new Backoff(5, Duration.ofMillis(500), Duration.ofSeconds(8));

  /**
   * The wait after so many failures in a row.
   *
   * @param failures 1 or more
   */
  Duration after(int failures) {
    double doubled = first.toMillis() * Math.pow(2, failures - 1);
    double limited = Math.min(doubled, (double) longest.toMillis());
    return Duration.ofMillis(
        (long) (limited * (0.5 + 0.5 * ThreadLocalRandom.current().nextDouble())));
  }
}
