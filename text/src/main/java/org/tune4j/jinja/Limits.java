package org.tune4j.jinja;

import java.util.List;
import java.util.Map;

/**
 * What one rendering may use: far more than any conversation needs, and little enough that a
 * hostile template ends within seconds.
 */
final class Limits {
  /** Characters of a text, items of a list. */
  static final int MAX_SIZE = 1 << 24;

  /** Characters that a loop or an index takes apart. */
  private static final int MAX_TAKEN_APART = 1 << 20;

  /** Characters and items that all operations together go through or make. */
  private static final long MAX_WORK = 1L << 28;

  private static final int MAX_STEPS = 10_000_000;
  private static final int MAX_UNIQUE = 10_000;
  private static final int MAX_SECONDS = 30;

  /** Comparisons within one operation; long texts count for as many as they have 16 characters. */
  private static final int MAX_COMPARED = 1 << 24;

  private final long started = System.nanoTime();
  private int steps;
  private long work;

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

  /** Counts what an operation goes through or has made: a text's characters, a list's items. */
  void work(Object value) {
    work += 1 + size(value);
    if (work > MAX_WORK) {
      throw new TemplateException(
          "the template processes more than " + MAX_WORK + " characters and items");
    }
  }

  private static int size(Object value) {
    if (value instanceof String s) {
      return s.length();
    }
    return value instanceof List<?> list
        ? list.size()
        : value instanceof Map<?, ?> map ? map.size() : 0;
  }

  /** Refuses to take a text of this length apart. */
  static void requireTakenApart(int length) {
    if (length > MAX_TAKEN_APART) {
      throw new TemplateException(
          "a text of more than " + MAX_TAKEN_APART + " characters is taken apart");
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

  /** Counts within one operation. */
  static final class Comparison {
    private long compared;

    void next(Object a, Object b) {
      compared += 1 + Math.min(size(a), size(b)) / 16;
      if (compared > MAX_COMPARED) {
        throw new TemplateException("values are too large to be compared");
      }
    }
  }
}
