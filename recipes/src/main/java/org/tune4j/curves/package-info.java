/**
 * What runs' {@code metrics.jsonl} say: found, followed while they grow, smoothed, brought to a
 * screen's width, drawn.
 *
 * <p>Start at {@link org.tune4j.curves.RunFolders}; {@link org.tune4j.curves.Curves} is what a
 * chart draws. Nothing here writes to a run's folder.
 */
@NullMarked
package org.tune4j.curves;

import org.jspecify.annotations.NullMarked;
