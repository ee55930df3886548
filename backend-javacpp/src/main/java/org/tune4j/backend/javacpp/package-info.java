/**
 * The backend on JavaCPP's PyTorch ({@code org.bytedeco:pytorch}).
 *
 * <p>Start at {@link org.tune4j.backend.javacpp.JavacppBackendProvider}, the one public type.
 * Everything else is reached through {@link org.tune4j.spi} and must not be seen from outside.
 */
@NullMarked
package org.tune4j.backend.javacpp;

import org.jspecify.annotations.NullMarked;
