/**
 * Text to token ids: Hugging Face's {@code tokenizer.json} and the model's own chat template.
 *
 * <p>Start at {@link org.tune4j.tokenizers.TokenizerSpec}. Must not know models or data sets.
 */
@NullMarked
package org.tune4j.tokenizers;

import org.jspecify.annotations.NullMarked;
