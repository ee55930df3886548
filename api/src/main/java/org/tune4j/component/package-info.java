/**
 * How things that a config can name are declared: annotated static factories and constructors whose
 * parameter names are the config's keys.
 *
 * <p>Start at {@link org.tune4j.component.Component}. Third parties register theirs with a {@link
 * org.tune4j.component.ComponentProvider}. Must not depend on YAML or on Guice.
 */
@NullMarked
package org.tune4j.component;

import org.jspecify.annotations.NullMarked;
