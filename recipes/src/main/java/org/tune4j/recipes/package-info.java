/**
 * The recipes, one file a task, read from top to bottom: setup, train, save.
 *
 * <p>Start at {@link org.tune4j.recipes.Finetune}.
 */
@NullMarked
package org.tune4j.recipes;

import org.jspecify.annotations.NullMarked;
