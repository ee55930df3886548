package org.tune4j.jinja;

import java.util.List;
import java.util.Map;

/** A function, a bound method or a macro. */
@FunctionalInterface
interface Callable {
  Object call(List<Object> arguments, Map<String, Object> named);
}
