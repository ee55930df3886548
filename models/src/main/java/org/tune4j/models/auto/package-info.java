/**
 * Builders of models whose sizes a checkpoint's {@code config.json} gives, and the list of all
 * builders.
 *
 * <p>Start at {@link org.tune4j.models.auto.AutoModel}. Reads no file itself.
 */
@NullMarked
package org.tune4j.models.auto;

import org.jspecify.annotations.NullMarked;
