package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Finds the token that ends a turn. It is the special token right behind the text; behind blanks,
 * as Llama 2 has them, only one that also ends generation, since others begin the next turn.
 *
 * @param special written-out special tokens
 * @param stops those of them after which generation ends
 */
record TurnEnds(List<String> special, List<String> stops) {
  /**
   * A tokenizer's.
   *
   * @param addedTokens as {@code tokenizer.json} lists them
   */
  static TurnEnds of(JsonNode addedTokens, Set<Integer> stopIds) {
    List<String> special = new ArrayList<>();
    List<String> stops = new ArrayList<>();
    for (JsonNode token : addedTokens) {
      String content = token.path("content").asText();
      if (token.path("special").asBoolean() && !content.isEmpty()) {
        special.add(content);
        if (stopIds.contains(token.path("id").asInt())) {
          stops.add(content);
        }
      }
    }
    return new TurnEnds(List.copyOf(special), List.copyOf(stops));
  }

  /**
   * Where the turn ends whose text ends at {@code at}: behind its last token, blanks before which
   * belong to it, or at {@code at} where there is none.
   */
  int behind(String text, int at) {
    int length = longest(special, text, at);
    if (length > 0) {
      return at + length;
    }
    int behindBlanks = at;
    while (behindBlanks < text.length() && Character.isWhitespace(text.charAt(behindBlanks))) {
      behindBlanks++;
    }
    int stop = longest(stops, text, behindBlanks);
    return stop > 0 ? behindBlanks + stop : at;
  }

  private static int longest(List<String> tokens, String text, int at) {
    return tokens.stream()
        .filter(t -> text.startsWith(t, at))
        .mapToInt(String::length)
        .max()
        .orElse(0);
  }
}
