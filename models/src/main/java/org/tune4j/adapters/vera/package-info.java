/**
 * Learnt scales within random projections that all linears share (Kopiczko et al. 2024).
 *
 * <p>Start at {@link org.tune4j.adapters.vera.VeraConfig}.
 */
@NullMarked
package org.tune4j.adapters.vera;

import org.jspecify.annotations.NullMarked;
