/**
 * One training step: its rows, their forward and backward over threads, gradients, the update.
 *
 * <p>Start at {@link org.tune4j.training.TrainStep}. Recipes see this package; it sees no recipe.
 */
@NullMarked
package org.tune4j.training;

import org.jspecify.annotations.NullMarked;
