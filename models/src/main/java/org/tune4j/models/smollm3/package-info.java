/**
 * SmolLM3 (Bakouch et al. 2025): Llama's blocks, every fourth layer without positions.
 *
 * <p>Start at {@link org.tune4j.models.smollm3.SmolLm3Family}.
 */
@NullMarked
package org.tune4j.models.smollm3;

import org.jspecify.annotations.NullMarked;
