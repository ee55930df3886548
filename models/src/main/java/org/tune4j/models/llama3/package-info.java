/**
 * Builders of Llama 3 (Grattafiori et al. 2024).
 *
 * <p>Start at {@link org.tune4j.models.llama3.Llama3}; the blocks are in {@link org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.llama3;

import org.jspecify.annotations.NullMarked;
