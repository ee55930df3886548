/**
 * The {@code tune} command: its commands, its version, how it words errors, what is installed.
 *
 * <p>Start at {@link org.tune4j.cli.Tune}. The commands lie by subject in the packages below; they
 * take what they need through their constructors and never end the process. Must not depend on
 * Guice or on a backend.
 */
@NullMarked
package org.tune4j.cli;

import org.jspecify.annotations.NullMarked;
