/**
 * GLM-4 (GLM Team 2024): half of each head rotated in pairs of neighbours, norms before and behind.
 *
 * <p>Start at {@link org.tune4j.models.glm.Glm4Family}.
 */
@NullMarked
package org.tune4j.models.glm;

import org.jspecify.annotations.NullMarked;
