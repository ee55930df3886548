/**
 * Where the process begins and ends.
 *
 * <p>Start at {@link org.tune4j.launcher.Launcher}; the script {@code tune} at the top of the
 * project starts it.
 */
@NullMarked
package org.tune4j.launcher;

import org.jspecify.annotations.NullMarked;
