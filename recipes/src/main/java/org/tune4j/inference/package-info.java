/**
 * Models opened to be used, not trained: {@link org.tune4j.inference.InferenceModel} holds one set
 * of base weights and any number of adapters over it. What generates, evaluates and serves sees
 * this package; it sees none of them.
 */
@NullMarked
package org.tune4j.inference;

import org.jspecify.annotations.NullMarked;
