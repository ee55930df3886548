/**
 * Learnt scales of linears' outputs or inputs (Liu et al. 2022).
 *
 * <p>Start at {@link org.tune4j.adapters.ia3.Ia3Adapter}.
 */
@NullMarked
package org.tune4j.adapters.ia3;

import org.jspecify.annotations.NullMarked;
