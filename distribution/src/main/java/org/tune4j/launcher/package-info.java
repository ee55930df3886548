/**
 * The process: {@code main}, exit codes, Guice.
 *
 * <p>Start at {@link org.tune4j.launcher.Launcher}. The only place with {@code System.exit}.
 */
@NullMarked
package org.tune4j.launcher;

import org.jspecify.annotations.NullMarked;
