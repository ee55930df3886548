/**
 * EXAONE 4 (LG AI Research 2025): norms behind attention and MLP, positions in layers with a window
 * alone.
 *
 * <p>Start at {@link org.tune4j.models.exaone.Exaone4Family}.
 */
@NullMarked
package org.tune4j.models.exaone;

import org.jspecify.annotations.NullMarked;
