package org.tune4j.jinja;

/**
 * What one rendering may use: far more than any conversation needs, and little enough that a
 * hostile template ends within seconds.
 */
final class Limits {
  /** Characters of a text, items of a list. */
  static final int MAX_SIZE = 1 << 24;

  private static final int MAX_STEPS = 10_000_000;
  private static final int MAX_UNIQUE = 10_000;
  private static final int MAX_SECONDS = 30;

  /** Comparisons within one comparison of values that hold values. */
  private static final int MAX_COMPARED = 1 << 20;

  private final long started = System.nanoTime();
  private int steps;

  /** Counts a statement, or an item that a loop looks at. */
  void step() {
    if (++steps > MAX_STEPS) {
      throw new TemplateException("the template takes more than " + MAX_STEPS + " steps");
    }
    // A step can go over a long list, so that their number alone bounds no time.
    if ((steps & 63) == 0 && System.nanoTime() - started > MAX_SECONDS * 1_000_000_000L) {
      throw new TemplateException("the template takes more than " + MAX_SECONDS + " seconds");
    }
  }

  /** Refuses a text or list of this size. */
  static void requireSize(double size) {
    if (size > MAX_SIZE) {
      throw new TemplateException("a value grows beyond " + MAX_SIZE + " characters or items");
    }
  }

  /** Each of these is compared with all others. */
  static void requireUnique(int items) {
    if (items > MAX_UNIQUE) {
      throw new TemplateException("more than " + MAX_UNIQUE + " different items");
    }
  }

  /** Counts within one comparison. */
  static final class Comparison {
    private int compared;

    void next() {
      if (++compared > MAX_COMPARED) {
        throw new TemplateException("values are too large to be compared");
      }
    }
  }
}
