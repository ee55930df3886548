package org.tune4j.generation;

import java.util.List;

/** Passes text on up to the first stop string; holds back what may be the beginning of one. */
final class StopText {
  private final List<String> stops;
  private String held = "";
  private boolean stopped;

  StopText(List<String> stops) {
    this.stops = stops;
  }

  /** What can be shown after this piece came. */
  String next(String piece) {
    String text = held + piece;
    int end = -1;
    for (String stop : stops) {
      int at = text.indexOf(stop);
      if (at >= 0 && (end < 0 || at < end)) {
        end = at;
      }
    }
    if (end >= 0) {
      stopped = true;
      held = "";
      return text.substring(0, end);
    }
    int safe = text.length();
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, text.length()); n > 0; n--) {
        if (stop.startsWith(text.substring(text.length() - n))) {
          safe = Math.min(safe, text.length() - n);
          break;
        }
      }
    }
    held = text.substring(safe);
    return text.substring(0, safe);
  }

  boolean stopped() {
    return stopped;
  }

  /** What was held back, when nothing more comes. */
  String rest() {
    String text = held;
    held = "";
    return text;
  }
}
