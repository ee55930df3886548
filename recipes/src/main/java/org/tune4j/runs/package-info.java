/**
 * What a run keeps and tells while it trains: its state, checkpoints, log and output folder.
 *
 * <p>Start at {@link org.tune4j.runs.RunCheckpoints}.
 */
@NullMarked
package org.tune4j.runs;

import org.jspecify.annotations.NullMarked;
