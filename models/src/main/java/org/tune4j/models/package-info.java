/**
 * Decoder-only transformers in Hugging Face's layout: the decoder, its passes and caches, and what
 * a family brings.
 *
 * <p>Start at {@link org.tune4j.models.Decoder}; each family is a package below. Depends on no
 * backend and no recipe.
 */
@NullMarked
package org.tune4j.models;

import org.jspecify.annotations.NullMarked;
