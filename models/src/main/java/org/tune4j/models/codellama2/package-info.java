/**
 * Builders of Code Llama (Roziere et al. 2023).
 *
 * <p>Start at {@link org.tune4j.models.codellama2.CodeLlama2}; the blocks are in {@link
 * org.tune4j.models}.
 */
@NullMarked
package org.tune4j.models.codellama2;

import org.jspecify.annotations.NullMarked;
