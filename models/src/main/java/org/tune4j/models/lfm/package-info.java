/**
 * LFM2 (Liquid AI 2025): short convolutions, and attention in some layers.
 *
 * <p>Start at {@link org.tune4j.models.lfm.Lfm2Family}.
 */
@NullMarked
package org.tune4j.models.lfm;

import org.jspecify.annotations.NullMarked;
