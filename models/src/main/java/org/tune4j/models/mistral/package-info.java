/**
 * Mistral (Jiang et al. 2023): Llama's blocks with a sliding window.
 *
 * <p>Start at {@link org.tune4j.models.mistral.MistralFamily}.
 */
@NullMarked
package org.tune4j.models.mistral;

import org.jspecify.annotations.NullMarked;
