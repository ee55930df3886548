/**
 * Parameter-efficient fine-tuning for library users: which parameters an adapter has, loading and
 * checking state dicts, merging, counting.
 *
 * <p>Start at {@link org.tune4j.peft.Adapters}. Depends on no file format.
 */
@NullMarked
package org.tune4j.peft;

import org.jspecify.annotations.NullMarked;
