/**
 * Checkpoints on disk: what is bytes and JSON about them.
 *
 * <p>Start at {@link org.tune4j.checkpoint.HuggingFaceFolder} (a base model), {@link
 * org.tune4j.checkpoint.PeftAdapter} (an adapter) and {@link org.tune4j.checkpoint.ShardPlan}
 * (writing a model). Every file is checked before anything in it is believed, and every write
 * either happens whole or leaves what was there. Must not depend on tensors or on a backend: an
 * entry says where a tensor's bytes lie, and whoever knows tensors maps them.
 */
@NullMarked
package org.tune4j.checkpoint;

import org.jspecify.annotations.NullMarked;
