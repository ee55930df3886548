/**
 * How good a sampled answer is: functions in Java, or of another program over HTTP.
 *
 * <p>Start at {@link org.tune4j.rewards.RewardFunction}.
 */
@NullMarked
package org.tune4j.rewards;

import org.jspecify.annotations.NullMarked;
