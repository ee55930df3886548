/**
 * What every module shares: the few exception types whose messages reach the user.
 *
 * <p>Start at {@link org.tune4j.TuneException}. Depends on nothing but the JDK.
 */
@NullMarked
package org.tune4j;

import org.jspecify.annotations.NullMarked;
