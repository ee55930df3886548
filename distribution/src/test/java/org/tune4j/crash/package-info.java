/**
 * Training in processes that are killed, stopped or run out of disk: whatever happens, what is
 * resumed ends in the bytes of the run to which nothing happened. Start with {@code TuneProcess}.
 */
@NullMarked
package org.tune4j.crash;

import org.jspecify.annotations.NullMarked;
