package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Finds the token that ends a turn: the one right behind the text, else, behind the words or blanks
 * that the template puts there, one that also ends generation, else a special one.
 *
 * @param added written-out added tokens
 * @param special those of them that are special
 * @param stops those of them after which generation ends
 */
record TurnEnds(List<String> added, List<String> special, List<String> stops) {
  /**
   * A tokenizer's.
   *
   * @param addedTokens as {@code tokenizer.json} lists them; those of blanks alone are no ends
   */
  static TurnEnds of(JsonNode addedTokens, Set<Integer> stopIds) {
    List<String> added = new ArrayList<>();
    List<String> special = new ArrayList<>();
    List<String> stops = new ArrayList<>();
    for (JsonNode token : addedTokens) {
      String content = token.path("content").asText();
      if (content.isBlank()) {
        continue;
      }
      added.add(content);
      if (token.path("special").asBoolean()) {
        special.add(content);
      }
      if (stopIds.contains(token.path("id").asInt())) {
        stops.add(content);
      }
    }
    return new TurnEnds(List.copyOf(added), List.copyOf(special), List.copyOf(stops));
  }

  /**
   * Where the turn ends whose text ends at {@code at}: behind its last token, or at {@code at}
   * where there is none.
   *
   * @param limit where the next turn begins
   */
  int behind(String text, int at, int limit) {
    int stop = longest(stops, text, at);
    if (stop > 0) {
      return at + stop;
    }
    int next = at + longest(added, text, at);
    if (next > at && next <= limit) {
      return next;
    }
    int end = behindFirst(stops, text, at, limit);
    return end > at ? end : behindFirst(special, text, at, limit);
  }

  /** Where the added token begins that {@code at} lies inside of; else {@code at}. */
  int startOf(String text, int at) {
    for (String token : added) {
      for (int i = Math.max(0, at - token.length() + 1); i < at; i++) {
        if (text.startsWith(token, i)) {
          return i;
        }
      }
    }
    return at;
  }

  /** Whether a text ends with a token that can end a turn; blanks may follow it. */
  boolean ends(String text) {
    String stripped = text.stripTrailing();
    return special.stream().anyMatch(stripped::endsWith)
        || stops.stream().anyMatch(stripped::endsWith);
  }

  private static int behindFirst(List<String> tokens, String text, int at, int limit) {
    for (int i = at; i < limit; i++) {
      int length = longest(tokens, text, i);
      if (length > 0) {
        return i + length;
      }
    }
    return at;
  }

  private static int longest(List<String> tokens, String text, int at) {
    return tokens.stream()
        .filter(t -> text.startsWith(t, at))
        .mapToInt(String::length)
        .max()
        .orElse(0);
  }
}
