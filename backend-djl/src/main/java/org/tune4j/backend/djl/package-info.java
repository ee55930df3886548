/**
 * The backend on DJL's PyTorch engine.
 *
 * <p>Start at {@link org.tune4j.backend.djl.DjlBackendProvider}. DJL's bindings know neither
 * bfloat16 nor most of ATen, and abort the process when asked for a type they do not know: what
 * they cannot do is a method of the TorchScript module in {@code ops.py}, and no element type is
 * ever asked of them.
 */
@NullMarked
package org.tune4j.backend.djl;

import org.jspecify.annotations.NullMarked;
