package org.tune4j.curves;

import java.util.Locale;

/** What a curve is drawn over. */
public enum XAxis {
  /** The optimiser's steps. */
  STEP,
  /** Tokens that the steps so far have seen. */
  TOKENS,
  /** Seconds that the steps so far have taken, validation and saving left out. */
  SECONDS;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
