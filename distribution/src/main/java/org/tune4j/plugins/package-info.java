/**
 * Third parties' jars: where they are looked for, how one is opened and what it brings.
 *
 * <p>Start at {@link org.tune4j.plugins.PluginSearch}, then {@link org.tune4j.plugins.Plugins}.
 * Must not depend on the command line or on Guice.
 */
@NullMarked
package org.tune4j.plugins;

import org.jspecify.annotations.NullMarked;
