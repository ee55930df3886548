/**
 * StarCoder 2 (Lozhkov et al. 2024): layer norms, biases and a plain MLP.
 *
 * <p>Start at {@link org.tune4j.models.starcoder.Starcoder2Family}.
 */
@NullMarked
package org.tune4j.models.starcoder;

import org.jspecify.annotations.NullMarked;
