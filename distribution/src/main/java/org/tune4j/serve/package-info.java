/**
 * A model over HTTP, as OpenAI's clients speak it.
 *
 * <p>Start at {@link org.tune4j.serve.ModelServer}. A request goes one way: {@code HttpApi} reads
 * and bounds it, {@code RequestReader} checks it, {@code Worker} generates on one thread, a {@code
 * Reply} writes what comes, never waiting for the client.
 */
@NullMarked
package org.tune4j.serve;

import org.jspecify.annotations.NullMarked;
