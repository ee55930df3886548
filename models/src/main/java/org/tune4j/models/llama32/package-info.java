/**
 * Builders of Llama 3.2: small, with scaled rotary frequencies and a tied head.
 *
 * <p>Start at {@link org.tune4j.models.llama32.Llama32}; the blocks are in {@link
 * org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.llama32;

import org.jspecify.annotations.NullMarked;
