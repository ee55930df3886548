/**
 * Qwen 2, 2.5 and 3 (Yang et al. 2024, 2025): Llama's blocks with biases or with norms of the
 * heads.
 *
 * <p>Start at {@link org.tune4j.models.qwen.Qwen2Family}.
 */
@NullMarked
package org.tune4j.models.qwen;

import org.jspecify.annotations.NullMarked;
