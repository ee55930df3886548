package org.tune4j.adapters.lora;

import org.tune4j.tensor.Tensor;

/**
 * A matrix {@code [out, in]} of low rank.
 *
 * @param down {@code [rank, in]}
 * @param up {@code [out, rank]}
 */
record Factors(Tensor down, Tensor up) {}
