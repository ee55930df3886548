/**
 * Mixtral (Jiang et al. 2024): Mistral's blocks, whose MLPs are mixtures of experts.
 *
 * <p>Start at {@link org.tune4j.models.mixtral.MixtralFamily}.
 */
@NullMarked
package org.tune4j.models.mixtral;

import org.jspecify.annotations.NullMarked;
