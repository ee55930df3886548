/**
 * Models as trees of named modules and parameters, and one thread's pass through them.
 *
 * <p>Start at {@link org.tune4j.nn.Module}, then {@link org.tune4j.nn.Pass}. A model may exist
 * without storage: names and shapes alone, enough to count and print. Must not depend on any model.
 */
@NullMarked
package org.tune4j.nn;

import org.jspecify.annotations.NullMarked;
