/**
 * Ministral 3 (Mistral AI 2025): Llama's blocks, with YaRN and queries scaled by their positions.
 *
 * <p>Start at {@link org.tune4j.models.ministral.Ministral3Family}.
 */
@NullMarked
package org.tune4j.models.ministral;

import org.jspecify.annotations.NullMarked;
