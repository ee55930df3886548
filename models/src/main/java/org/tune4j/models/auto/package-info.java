/**
 * The model builders that a config can name: of models whose sizes a checkpoint's {@code
 * config.json} gives, and of published ones.
 *
 * <p>Start at {@link org.tune4j.models.auto.AutoModel}; {@link org.tune4j.models.auto.SizedModel}
 * knows the sizes.
 */
@NullMarked
package org.tune4j.models.auto;

import org.jspecify.annotations.NullMarked;
