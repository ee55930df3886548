/** The download command, and models that any command names by their repository. */
@NullMarked
package org.tune4j.cli.hub;

import org.jspecify.annotations.NullMarked;
