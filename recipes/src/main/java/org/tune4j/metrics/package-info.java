/**
 * What a run reports: a JSON object a step, and a line or a bar in the terminal.
 *
 * <p>Start at {@link org.tune4j.metrics.StepMetrics}.
 */
@NullMarked
package org.tune4j.metrics;

import org.jspecify.annotations.NullMarked;
