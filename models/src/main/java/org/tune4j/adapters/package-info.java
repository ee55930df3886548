/**
 * Parameter-efficient fine-tuning: which linears of a model are adapted, what their adapters'
 * parameters are, checking and merging them.
 *
 * <p>Start at {@link org.tune4j.adapters.Adapters}; each type of adapter is a package below.
 */
@NullMarked
package org.tune4j.adapters;

import org.jspecify.annotations.NullMarked;
