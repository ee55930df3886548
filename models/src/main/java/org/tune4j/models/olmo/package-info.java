/**
 * OLMo 2 and 3 (OLMo Team 2024, 2025): norms behind attention and MLP, and over all queries and
 * keys.
 *
 * <p>Start at {@link org.tune4j.models.olmo.Olmo2Family}.
 */
@NullMarked
package org.tune4j.models.olmo;

import org.jspecify.annotations.NullMarked;
