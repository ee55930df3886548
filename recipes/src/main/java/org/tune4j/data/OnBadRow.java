package org.tune4j.data;

/** What to do about a row that cannot be used. */
public enum OnBadRow {
  /** Say what is wrong with it and end. */
  STOP,
  /** Leave it out and count it. */
  SKIP
}
