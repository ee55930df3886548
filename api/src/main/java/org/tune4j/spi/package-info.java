/**
 * What a backend implements: primitives over opaque handles, and kernels it may add.
 *
 * <p>Start at {@link org.tune4j.spi.BackendProvider}, then {@link org.tune4j.spi.Backend}. Shapes,
 * types, ownership and error texts are checked before a backend is called, so an implementation is
 * only arithmetic. The conformance kit in this module's test-jar says whether one is right.
 */
@NullMarked
package org.tune4j.spi;

import org.jspecify.annotations.NullMarked;
