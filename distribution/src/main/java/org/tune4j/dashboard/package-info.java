/**
 * A web page that compares runs: the JDK's HTTP server, a page of plain JavaScript, and the curves
 * of {@code org.tune4j.curves} as JSON. It only reads, and knows no file but those of its own page
 * and the runs' {@code metrics.jsonl} and {@code config.yaml}.
 *
 * <p>Start at {@link org.tune4j.dashboard.Dashboard}; {@code openapi.json} among the resources
 * describes its requests.
 */
@NullMarked
package org.tune4j.dashboard;

import org.jspecify.annotations.NullMarked;
