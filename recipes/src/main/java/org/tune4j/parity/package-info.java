/**
 * A model's values for given token ids, to be compared with another program's. Start at {@link
 * org.tune4j.parity.Parity}. Nothing but the command sees this package.
 */
@NullMarked
package org.tune4j.parity;

import org.jspecify.annotations.NullMarked;
