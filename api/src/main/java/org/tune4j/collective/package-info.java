/**
 * Several ranks that train one model together. Start at {@link org.tune4j.collective.ProcessGroup};
 * {@link org.tune4j.collective.Ranks} is how one is joined, {@link
 * org.tune4j.collective.LocalRanks} runs ranks as threads of this JVM on any backend.
 */
@NullMarked
package org.tune4j.collective;

import org.jspecify.annotations.NullMarked;
