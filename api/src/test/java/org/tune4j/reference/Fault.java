package org.tune4j.reference;

import java.util.List;
import org.tune4j.spi.Backend;

/** A way in which a backend is wrong. */
interface Fault {
  /** A backend that is wrong in this way. */
  Backend open();

  /** The numbers of the rules that fail, ascending. */
  List<String> rules();

  /** Whether only thousands of steps show it. */
  default boolean isSlow() {
    return rules().get(0).compareTo("7_02") >= 0;
  }
}
