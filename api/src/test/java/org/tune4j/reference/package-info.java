/**
 * A backend in plain Java: slow, readable, fp64 and fp32, with a reverse-mode autograd of its own.
 *
 * <p>Start at {@link org.tune4j.reference.ReferenceBackendProvider}. It is what the conformance kit
 * compares other backends with, and lets tests run without natives. It depends on the backend SPI
 * alone.
 */
@NullMarked
package org.tune4j.reference;

import org.jspecify.annotations.NullMarked;
