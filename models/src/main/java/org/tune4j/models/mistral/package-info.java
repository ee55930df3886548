/**
 * Builders of Mistral 7B (Jiang et al. 2023).
 *
 * <p>Start at {@link org.tune4j.models.mistral.Mistral}; the blocks are in {@link
 * org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.mistral;

import org.jspecify.annotations.NullMarked;
