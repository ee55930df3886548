/**
 * The conformance kit: whether a backend does what {@link org.tune4j.spi} says.
 *
 * <p>Start at {@link org.tune4j.kit.BackendConformance}: extend it, override {@code provider()},
 * run it with JUnit 5. It compares with the backend {@code reference} of this same jar.
 */
@NullMarked
package org.tune4j.kit;

import org.jspecify.annotations.NullMarked;
