/**
 * What a run takes of memory, told before it: start at {@link org.tune4j.memory.MemoryModel}, where
 * the formula is. docs/memory.md holds it against measurements.
 *
 * <p>Must not depend on recipes, nor on the command line.
 */
@NullMarked
package org.tune4j.memory;

import org.jspecify.annotations.NullMarked;
