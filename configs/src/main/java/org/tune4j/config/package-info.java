/**
 * Configs: YAML whose every value knows its place, overrides, checking against component
 * signatures, binding.
 *
 * <p>Start at {@link org.tune4j.config.Config}, then {@link org.tune4j.config.Binder}. Must not
 * know any component.
 */
@NullMarked
package org.tune4j.config;

import org.jspecify.annotations.NullMarked;
