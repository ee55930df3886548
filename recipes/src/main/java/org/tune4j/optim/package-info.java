/**
 * Optimisers and learning-rate schedules.
 *
 * <p>Start at {@link org.tune4j.optim.Optimizer}. Knows parameters and gradients, not models or
 * data.
 */
@NullMarked
package org.tune4j.optim;

import org.jspecify.annotations.NullMarked;
