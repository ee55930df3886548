package org.tune4j.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and their values; an inner frame sees the outer ones and writes only its own. */
final class Frame {
  /** Macros that call each other deeper than this are refused, as a stack that overflows. */
  private static final int MAX_DEPTH = 200;

  private final @Nullable Frame outer;
  private final int depth;
  private final Map<String, Object> values;
  private final Limits limits;

  private Frame(@Nullable Frame outer, int depth, Map<String, Object> values, Limits limits) {
    this.outer = outer;
    this.limits = limits;
    this.depth = depth;
    this.values = values;
  }

  /** A frame in which these values are seen, the second before the first; neither changes. */
  static Frame of(Map<String, Object> global, Map<String, Object> values) {
    Frame outermost = new Frame(null, 0, global, new Limits());
    return new Frame(outermost, 0, values, outermost.limits).inner();
  }

  Frame inner() {
    return new Frame(this, depth, new HashMap<>(), limits);
  }

  /** A macro's frame: it sees what was there where it was defined. */
  Frame call(int callerDepth) {
    if (callerDepth >= MAX_DEPTH) {
      throw new TemplateException("macros call each other more than " + MAX_DEPTH + " deep");
    }
    return new Frame(this, callerDepth + 1, new HashMap<>(), limits);
  }

  /** Counts one step of the rendering. */
  void step() {
    limits.step();
  }

  /** Counts what an operation goes through or has made. */
  void work(Object value) {
    limits.work(value);
  }

  Limits limits() {
    return limits;
  }

  int depth() {
    return depth;
  }

  Object get(String name) {
    for (Frame f = this; f != null; f = f.outer) {
      Object value = f.values.get(name);
      if (value != null) {
        return value;
      }
    }
    return Undefined.name(name);
  }

  void set(String name, Object value) {
    values.put(name, value);
  }
}
