/**
 * Losses that a config can name.
 *
 * <p>Start at {@link org.tune4j.loss.ChunkedCrossEntropy}.
 */
@NullMarked
package org.tune4j.loss;

import org.jspecify.annotations.NullMarked;
