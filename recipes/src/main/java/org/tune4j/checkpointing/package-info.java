/**
 * Loads models from Hugging Face folders, and writes adapters, merged models and full models there.
 *
 * <p>Start at {@link org.tune4j.checkpointing.HuggingFaceCheckpointer}.
 */
@NullMarked
package org.tune4j.checkpointing;

import org.jspecify.annotations.NullMarked;
