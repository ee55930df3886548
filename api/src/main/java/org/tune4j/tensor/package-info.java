/**
 * Tensors as callers see them: shapes and types checked in one place, every tensor owned by a
 * scope.
 *
 * <p>Start at {@link org.tune4j.tensor.Engine}. Everything a backend does is reached through {@link
 * org.tune4j.spi}.
 */
@NullMarked
package org.tune4j.tensor;

import org.jspecify.annotations.NullMarked;
