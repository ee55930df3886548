/**
 * The parts that decoders are built from: linears, norms, attention, MLPs.
 *
 * <p>Start at {@link org.tune4j.models.layers.Linear}. Depends on no family and no adapter's kind.
 */
@NullMarked
package org.tune4j.models.layers;

import org.jspecify.annotations.NullMarked;
