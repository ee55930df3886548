/** The commands that train, plan a training and compare what was trained. */
@NullMarked
package org.tune4j.cli.train;

import org.jspecify.annotations.NullMarked;
