package org.tune4j.component;

import java.util.Optional;

/**
 * A component, or a record inlined into one, that can be built before all that a run needs is
 * known, such as a data set whose files are not named yet. Its config is valid, and a run is
 * refused.
 */
public interface Incomplete {
  /** {@return what a run needs, its key first and the fix last; empty where nothing is missing} */
  Optional<String> missing();
}
