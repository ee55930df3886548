/**
 * What differs between operating systems. Nothing else but the launcher knows the system; where one
 * has no way to do something, the class says what is done instead.
 *
 * <p>Start at {@link org.tune4j.platform.Platform}. Depends on {@code org.tune4j} alone.
 */
@NullMarked
package org.tune4j.platform;

import org.jspecify.annotations.NullMarked;
