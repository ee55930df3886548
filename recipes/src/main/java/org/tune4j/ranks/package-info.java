/**
 * How the ranks of a run share a model: each has all of it, or a shard of every part.
 *
 * <p>Start at {@link org.tune4j.ranks.ModelOnRanks}.
 */
@NullMarked
package org.tune4j.ranks;

import org.jspecify.annotations.NullMarked;
