/**
 * Granite 3 and 4 (IBM 2024, 2025): Llama's blocks with multipliers.
 *
 * <p>Start at {@link org.tune4j.models.granite.GraniteFamily}.
 */
@NullMarked
package org.tune4j.models.granite;

import org.jspecify.annotations.NullMarked;
