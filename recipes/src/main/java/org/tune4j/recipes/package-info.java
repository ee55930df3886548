/**
 * The recipes, one file each, read from top to bottom: setup, train, save.
 *
 * <p>Start at {@link org.tune4j.recipes.LoraFinetuneSingleDevice}.
 */
@NullMarked
package org.tune4j.recipes;

import org.jspecify.annotations.NullMarked;
