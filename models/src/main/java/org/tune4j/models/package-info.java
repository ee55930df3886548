/**
 * Decoder-only transformers of the Llama type, plain or with LoRA, in Hugging Face's layout.
 *
 * <p>Start at {@link org.tune4j.models.Decoder}; builders by name stand in one package a family.
 * Depends on no backend, no recipe and no file format.
 */
@NullMarked
package org.tune4j.models;

import org.jspecify.annotations.NullMarked;
