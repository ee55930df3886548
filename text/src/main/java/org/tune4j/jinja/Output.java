package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.jinja.Rendering.Span;

/** Rendered text, up to a limit that no conversation reaches but a hostile template does. */
final class Output {
  private final StringBuilder text = new StringBuilder();
  private final IdentityHashMap<Object, Span> printed = new IdentityHashMap<>();
  private final List<Span> generated = new ArrayList<>();

  void append(String s) {
    Limits.requireSize(text.length() + (double) s.length());
    text.append(s);
  }

  int length() {
    return text.length();
  }

  /** Remembers that all since {@code from} was printed in an item's turn of a loop. */
  void printed(Object item, int from) {
    if (item instanceof ReadMap && length() > from) {
      printed.put(item, new Span(from, length()));
    }
  }

  /** What the item's turn printed, in the last loop that printed something. */
  @Nullable Span printed(Object item) {
    return printed.get(item);
  }

  /** Remembers that a {@code generation} tag printed all since {@code from}. */
  void generated(int from) {
    generated.add(new Span(from, length()));
  }

  List<Span> generated() {
    return generated;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
