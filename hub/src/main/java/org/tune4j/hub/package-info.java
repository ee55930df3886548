/**
 * Models from the Hugging Face hub: its protocol over {@code java.net.http}, and the cache that
 * Python's {@code huggingface_hub} shares.
 *
 * <p>Start at {@link org.tune4j.hub.Hub}. Knows nothing of configs, commands or what the files
 * hold, but for {@link org.tune4j.hub.FileSelection#MODEL}.
 */
@NullMarked
package org.tune4j.hub;

import org.jspecify.annotations.NullMarked;
