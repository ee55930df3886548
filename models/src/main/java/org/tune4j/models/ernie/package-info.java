/**
 * ERNIE 4.5 (Baidu 2025), the dense models: Llama's blocks, rotated in pairs of neighbours.
 *
 * <p>Start at {@link org.tune4j.models.ernie.Ernie45Family}.
 */
@NullMarked
package org.tune4j.models.ernie;

import org.jspecify.annotations.NullMarked;
