/**
 * Low-rank adaptation (Hu et al. 2021), with rsLoRA's scale.
 *
 * <p>Start at {@link org.tune4j.adapters.lora.LoraAdapter}; {@link
 * org.tune4j.adapters.lora.LoraArguments} are the keys of a config.
 */
@NullMarked
package org.tune4j.adapters.lora;

import org.jspecify.annotations.NullMarked;
