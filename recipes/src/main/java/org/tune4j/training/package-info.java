/**
 * What training recipes share: loading a model, rows over threads, gradients, saving.
 *
 * <p>Start at {@link org.tune4j.training.RowsOverThreads}. Recipes see this package; it sees no
 * recipe.
 */
@NullMarked
package org.tune4j.training;

import org.jspecify.annotations.NullMarked;
