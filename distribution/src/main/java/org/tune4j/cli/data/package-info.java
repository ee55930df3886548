/** The commands that look at data. */
@NullMarked
package org.tune4j.cli.data;

import org.jspecify.annotations.NullMarked;
