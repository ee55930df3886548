/**
 * Answers that are sampled from the model while it is trained, their rewards and advantages.
 *
 * <p>Start at {@link org.tune4j.rollouts.Rollouts}.
 */
@NullMarked
package org.tune4j.rollouts;

import org.jspecify.annotations.NullMarked;
