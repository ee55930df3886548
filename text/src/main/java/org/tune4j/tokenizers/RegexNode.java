package org.tune4j.tokenizers;

import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** A part of a regular expression, and how often a matcher that goes back tries again in it. */
sealed interface RegexNode {
  int UNBOUNDED = Integer.MAX_VALUE;

  /**
   * A bound for the ways through this part from one place of a text, each of which is tried.
   *
   * @param runs how many characters in a row a {@link Single} can match in the text
   * @param failsAfter whether what follows may fail; else the first way ends the search
   */
  double ways(ToDoubleFunction<Single> runs, boolean failsAfter);

  /** Whether there are places where this part does not match. */
  boolean canFail();

  /** The characters that a text of this part is made of, as they stand in a set in Java. */
  String characters();

  /**
   * One character.
   *
   * @param characters what it may be
   */
  record Single(String characters) implements RegexNode {
    /** What may be any character, or is written in another way in Java. */
    static final Single ANY = new Single("\\x{0}-\\x{10FFFF}");

    @Override
    public double ways(ToDoubleFunction<Single> runs, boolean failsAfter) {
      return 1;
    }

    @Override
    public boolean canFail() {
      return true;
    }
  }

  /** Parts one after the other. */
  record Row(List<RegexNode> parts) implements RegexNode {
    @Override
    public double ways(ToDoubleFunction<Single> runs, boolean failsAfter) {
      double ways = 1;
      boolean fails = failsAfter;
      for (int i = parts.size() - 1; i >= 0; i--) {
        ways *= parts.get(i).ways(runs, fails);
        fails |= parts.get(i).canFail();
      }
      return ways;
    }

    @Override
    public boolean canFail() {
      return parts.stream().anyMatch(RegexNode::canFail);
    }

    @Override
    public String characters() {
      return joined(parts);
    }
  }

  private static String joined(List<RegexNode> parts) {
    return parts.stream().map(RegexNode::characters).distinct().collect(Collectors.joining());
  }

  /** One of several parts. */
  record Alternatives(List<RegexNode> parts) implements RegexNode {
    @Override
    public double ways(ToDoubleFunction<Single> runs, boolean failsAfter) {
      return parts.stream().mapToDouble(p -> p.ways(runs, failsAfter)).sum();
    }

    @Override
    public boolean canFail() {
      return parts.stream().allMatch(RegexNode::canFail);
    }

    @Override
    public String characters() {
      return joined(parts);
    }
  }

  /**
   * A part of which the first way is kept: an atomic group, or a look at what stands around.
   *
   * @param place whether it is a condition, which nothing of the text belongs to
   */
  record Alone(RegexNode body, boolean place) implements RegexNode {
    @Override
    public double ways(ToDoubleFunction<Single> runs, boolean failsAfter) {
      return body.ways(runs, false);
    }

    @Override
    public boolean canFail() {
      return place || body.canFail();
    }

    @Override
    public String characters() {
      return place ? "" : body.characters();
    }
  }

  /** A part several times. */
  record Repeat(RegexNode body, int min, int max) implements RegexNode {
    @Override
    public double ways(ToDoubleFunction<Single> runs, boolean failsAfter) {
      double again = body.ways(runs, true);
      double most = Math.min(max, runs.applyAsDouble(new Single(characters())));
      if (failsAfter && max > min) {
        // Ways of unlimited rounds multiply, unless there is only one through each.
        return again == 1
            ? most - Math.min(min, most) + 1
            : max == UNBOUNDED ? Double.POSITIVE_INFINITY : (max - min + 1) * Math.pow(again, max);
      }
      double first = body.ways(runs, false);
      double optional = first == 1 ? 1 : Math.max(1, most) * first;
      return Math.pow(again, failsAfter ? min : Math.max(0, min - 1)) * optional;
    }

    @Override
    public boolean canFail() {
      return min > 0 && body.canFail();
    }

    @Override
    public String characters() {
      return body.characters();
    }
  }
}
