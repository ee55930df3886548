/**
 * Starts the ranks of a run as processes, on this machine and with the agents of others, and joins
 * a process to them.
 */
@NullMarked
package org.tune4j.agent;

import org.jspecify.annotations.NullMarked;
