package org.tune4j.jinja;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A rendered text, and where its parts come from.
 *
 * @param text what the template printed
 * @param items one for each item of the list that was traced
 * @param generated what {@code generation} tags printed, in order; null where the template has no
 *     such tag
 * @param unread names of the values that the template did not ask for
 */
public record Rendering(
    String text, List<Item> items, @Nullable List<Span> generated, Set<String> unread) {
  /**
   * A part of the text.
   *
   * @param from of its first character, as Java counts them
   * @param to behind its last
   */
  public record Span(int from, int to) {}

  /**
   * What became of an item.
   *
   * @param printed what a loop over the list printed in the item's turn; null where there was no
   *     such loop, or it printed nothing
   * @param unread the item's keys that the template did not ask for
   */
  public record Item(@Nullable Span printed, Set<String> unread) {}
}
