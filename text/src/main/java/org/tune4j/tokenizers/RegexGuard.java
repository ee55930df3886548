package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.tune4j.InputException;
import org.tune4j.tokenizers.RegexNode.Single;

/**
 * Keeps texts from regular expressions that would try too often to match them: the native library
 * ends the process after ten million tries from one place.
 */
final class RegexGuard {
  /** Less than the library's own limit by the bytes that one character may have become. */
  private static final double MAX_TRIES = 3_000_000;

  /** An expression that may take too many tries on a text as short as this is not read at all. */
  private static final int SHORT = 500;

  /** What the ByteLevel pre-tokenizer splits by. */
  private static final String BYTE_LEVEL =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private final Path file;
  private final Map<String, RegexNode> expressions = new LinkedHashMap<>();
  private final int anyLength;

  private RegexGuard(Path file, List<String> regexes) {
    this.file = file;
    int shortest = Integer.MAX_VALUE;
    for (String regex : regexes) {
      RegexNode node = parse(regex);
      expressions.put(regex, node);
      int length = 1;
      while (length < 1 << 30 && node.ways(constant(2 * length), false) <= MAX_TRIES) {
        length *= 2;
      }
      shortest = Math.min(shortest, length);
    }
    this.anyLength = shortest;
  }

  private static ToDoubleFunction<Single> constant(double length) {
    return s -> length;
  }

  private RegexNode parse(String regex) {
    String reason = "is not known here";
    try {
      RegexNode node = RegexParser.parse(regex);
      if (node.ways(constant(SHORT), false) <= MAX_TRIES) {
        return node;
      }
      reason = "may take more than %.0f tries on short texts".formatted(MAX_TRIES);
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new InputException(
        "tokenizer %s: its regular expression '%s' %s, which ends the process in the library that reads it; write it without repeats inside repeats and back-references"
            .formatted(file, shown(regex), reason));
  }

  private static String shown(String regex) {
    String line = regex.replaceAll("\\p{Cntrl}", "?");
    return line.length() <= 80 ? line : line.substring(0, 77) + "...";
  }

  /**
   * A tokenizer's guard.
   *
   * @throws InputException for an expression that is never safe
   */
  static RegexGuard of(Path file, JsonNode json) {
    List<String> regexes = new ArrayList<>();
    collect(json.path("normalizer"), regexes);
    collect(json.path("pre_tokenizer"), regexes);
    collect(json.path("decoder"), regexes);
    return new RegexGuard(file, regexes);
  }

  private static void collect(JsonNode node, List<String> regexes) {
    if (node.path("Regex").isTextual()) {
      regexes.add(node.path("Regex").textValue());
    }
    if (node.path("type").asText().equals("ByteLevel") && node.path("use_regex").asBoolean(true)) {
      regexes.add(BYTE_LEVEL);
    }
    node.forEach(child -> collect(child, regexes));
  }

  /**
   * Refuses a text that an expression may not get through. What counts is how many characters in a
   * row one repeated part can match.
   *
   * @throws InputException with the text's length
   */
  void check(String text) {
    if (text.length() <= anyLength) {
      return;
    }
    Map<Single, Double> runs = new LinkedHashMap<>();
    expressions.forEach(
        (regex, node) -> {
          if (node.ways(s -> runs.computeIfAbsent(s, x -> longestRun(x, text)), false)
              > MAX_TRIES) {
            throw new InputException(
                "a text of %d characters has too many of one kind in a row for the regular expression '%s' of tokenizer %s; cut it into several"
                    .formatted(text.length(), shown(regex), file));
          }
        });
  }

  private static double longestRun(Single single, String text) {
    int longest = 1;
    try {
      // What Java's Unicode does not know yet may be anything.
      Matcher runs =
          Pattern.compile(
                  "[%s\\p{Cn}]++".formatted(single.characters()), Pattern.UNICODE_CHARACTER_CLASS)
              .matcher(text);
      while (runs.find()) {
        longest = Math.max(longest, runs.end() - runs.start());
      }
    } catch (PatternSyntaxException e) {
      return text.length();
    }
    return longest;
  }
}
