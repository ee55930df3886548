/**
 * Makes the commands and gives them backends and components. The only package that knows Guice.
 *
 * <p>Start at {@link org.tune4j.wiring.Wiring}.
 */
@NullMarked
package org.tune4j.wiring;

import org.jspecify.annotations.NullMarked;
