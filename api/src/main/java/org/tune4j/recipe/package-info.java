/**
 * What a recipe is: a {@link org.tune4j.component.Component} that implements {@link
 * org.tune4j.recipe.Recipe}.
 *
 * <p>Must not depend on the command line, on YAML or on Guice.
 */
@NullMarked
package org.tune4j.recipe;

import org.jspecify.annotations.NullMarked;
