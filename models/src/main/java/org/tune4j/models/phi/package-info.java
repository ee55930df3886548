/**
 * Phi 3, 3.5, 4 and Phi-4-mini (Abdin et al. 2024): Llama's blocks, stored with fused projections.
 *
 * <p>Start at {@link org.tune4j.models.phi.Phi3Family}.
 */
@NullMarked
package org.tune4j.models.phi;

import org.jspecify.annotations.NullMarked;
