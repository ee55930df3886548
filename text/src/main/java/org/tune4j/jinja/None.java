package org.tune4j.jinja;

/** Python's {@code None}: no value in here is ever null. */
enum None {
  NONE
}
