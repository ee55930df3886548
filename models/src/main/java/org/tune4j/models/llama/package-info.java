/**
 * Llama and what is built like it: Llama 2, 3, 3.1 and 3.2, Code Llama, SmolLM2.
 *
 * <p>Start at {@link org.tune4j.models.llama.LlamaFamily}.
 */
@NullMarked
package org.tune4j.models.llama;

import org.jspecify.annotations.NullMarked;
