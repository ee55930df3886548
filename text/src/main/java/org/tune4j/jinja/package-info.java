/**
 * Jinja templates as far as models' chat templates use them, rendered as jinja2's immutable sandbox
 * renders them with {@code trim_blocks}, {@code lstrip_blocks}, loop controls and transformers'
 * {@code generation} tag. Rendered values are never read as templates again.
 *
 * <p>Start at {@link org.tune4j.jinja.Template}. Must not know models or tokenizers.
 */
@NullMarked
package org.tune4j.jinja;

import org.jspecify.annotations.NullMarked;
