/**
 * Models that a config names by a repository of the Hub, which are fetched before it is bound.
 *
 * <p>Start at {@link org.tune4j.fetching.HubCheckpoint}. Connects to nothing itself.
 */
@NullMarked
package org.tune4j.fetching;

import org.jspecify.annotations.NullMarked;
