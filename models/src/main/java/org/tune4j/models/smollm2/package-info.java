/**
 * Builders of SmolLM2 (Allal et al. 2025), with a tied head.
 *
 * <p>Start at {@link org.tune4j.models.smollm2.SmolLm2}; the blocks are in {@link
 * org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.smollm2;

import org.jspecify.annotations.NullMarked;
