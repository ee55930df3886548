package org.tune4j.models;

import org.tune4j.tensor.Tensor;

/**
 * What the next tokens of a row see of its cache.
 *
 * @param first position that any of them sees
 * @param mask {@code [tokens, n]}: 0 where a token sees a position, counted from {@code first}, and
 *     negative infinity where not
 */
record CacheMask(int first, Tensor mask) {}
