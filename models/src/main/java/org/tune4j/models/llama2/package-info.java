/**
 * Builders of Llama 2 (Touvron et al. 2023).
 *
 * <p>Start at {@link org.tune4j.models.llama2.Llama2}; the blocks are in {@link org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.llama2;

import org.jspecify.annotations.NullMarked;
