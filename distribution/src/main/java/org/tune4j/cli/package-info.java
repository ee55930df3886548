/**
 * The commands of {@code tune}: what is typed, what is printed, which exit code.
 *
 * <p>Start at {@link org.tune4j.cli.Tune}. Holds no training code.
 */
@NullMarked
package org.tune4j.cli;

import org.jspecify.annotations.NullMarked;
