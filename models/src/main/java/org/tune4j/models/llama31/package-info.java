/**
 * Builders of Llama 3.1: Llama 3 with rotary frequencies scaled for 131,072 tokens.
 *
 * <p>Start at {@link org.tune4j.models.llama31.Llama31}; the blocks are in {@link
 * org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.llama31;

import org.jspecify.annotations.NullMarked;
