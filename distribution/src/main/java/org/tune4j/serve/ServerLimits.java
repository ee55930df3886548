package org.tune4j.serve;

import java.time.Duration;
import org.tune4j.UsageException;

/**
 * What a client may ask for.
 *
 * @param bodyBytes of a request at the most
 * @param newTokens of an answer at the most
 * @param choices of a request at the most: prompts times {@code n}
 * @param queue requests that wait at the most; more are answered with 429
 * @param time from a request's arrival to the end of its answer
 * @param grace what an answer under way gets to end when the server is stopped
 * @param connections that are open at once; more wait to be accepted
 * @param idle how long a connection may be silent
 * @param arrival from a request's first byte to its last
 */
public record ServerLimits(
    int bodyBytes,
    int newTokens,
    int choices,
    int queue,
    Duration time,
    Duration grace,
    int connections,
    Duration idle,
    Duration arrival) {
  /**
   * Checks that every limit but the grace is at least 1, or 1 ms.
   *
   * @throws UsageException naming the command's option
   */
  public ServerLimits {
    atLeastOne("--max-body-kb", bodyBytes);
    atLeastOne("--max-new-tokens", newTokens);
    atLeastOne("--max-choices", choices);
    atLeastOne("--queue", queue);
    atLeastOne("--timeout", time.toMillis());
    atLeastOne("--max-connections", connections);
    atLeastOne("--idle-timeout", idle.toMillis());
    atLeastOne("--receive-timeout", arrival.toMillis());
  }

  private static void atLeastOne(String name, long value) {
    if (value < 1) {
      throw new UsageException("%s is %d, expected 1 or more".formatted(name, value));
    }
  }
}
