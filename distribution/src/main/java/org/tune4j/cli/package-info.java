/**
 * The commands of {@code tune}: what they accept, print and exit with.
 *
 * <p>Start at {@link org.tune4j.cli.Tune}. Commands take what they need through their constructors
 * and never end the process. Must not depend on Guice or on a backend.
 */
@NullMarked
package org.tune4j.cli;

import org.jspecify.annotations.NullMarked;
