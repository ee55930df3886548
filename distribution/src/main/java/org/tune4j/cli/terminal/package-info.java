/** What a command prints, and Ctrl-C. */
@NullMarked
package org.tune4j.cli.terminal;

import org.jspecify.annotations.NullMarked;
