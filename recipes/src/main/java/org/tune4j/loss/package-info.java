/**
 * Losses that a config can name; a third party's implement {@link org.tune4j.nn.Loss}.
 *
 * <p>Start at {@link org.tune4j.loss.ChunkedCrossEntropy}.
 */
@NullMarked
package org.tune4j.loss;

import org.jspecify.annotations.NullMarked;
