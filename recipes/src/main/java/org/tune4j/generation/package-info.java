/**
 * Text from a decoder: {@link org.tune4j.generation.Generator} continues prompts with a cache of
 * keys and values, {@link org.tune4j.generation.SamplingOptions} say how the next token is chosen.
 * Knows no files and no command line.
 */
@NullMarked
package org.tune4j.generation;

import org.jspecify.annotations.NullMarked;
