/**
 * Command R7B and A (Cohere 2024): attention and MLP of one normed input, positions in layers with
 * a window alone.
 *
 * <p>Start at {@link org.tune4j.models.cohere.Cohere2Family}.
 */
@NullMarked
package org.tune4j.models.cohere;

import org.jspecify.annotations.NullMarked;
