/**
 * Gemma 1, 2 and 3 (Gemma Team 2024, 2025): scaled embeddings, norms around one, GeGLU.
 *
 * <p>Start at {@link org.tune4j.models.gemma.GemmaFamily}.
 */
@NullMarked
package org.tune4j.models.gemma;

import org.jspecify.annotations.NullMarked;
