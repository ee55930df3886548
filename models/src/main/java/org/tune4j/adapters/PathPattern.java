package org.tune4j.adapters;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.tune4j.InputException;
import org.tune4j.checkpoint.Texts;

/**
 * Regular expressions that match the end of a module's path, as the keys of PEFT's {@code
 * rank_pattern} do. They come with an adapter from anywhere, so their length and their work are
 * bounded. Source: PEFT's {@code get_pattern_key}.
 */
public final class PathPattern {
  private static final int LONGEST = 1000;
  private static final int STEPS = 100_000;

  private PathPattern() {}

  /**
   * {@return whether it can be used}
   *
   * @param key an expression
   */
  public static boolean isValid(String key) {
    try {
      return key.length() <= LONGEST && compile(key).flags() == 0;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  /**
   * {@return the value of the first key that matches the end of a module's path}
   *
   * @param <T> of values
   * @param pattern values by expression
   * @param path of the module
   * @throws InputException if an expression takes too long to match
   */
  public static <T> Optional<T> first(Map<String, T> pattern, String path) {
    return path.length() > LONGEST
        ? Optional.empty()
        : pattern.entrySet().stream()
            .filter(e -> compile(e.getKey()).matcher(new Bounded(e.getKey(), path)).lookingAt())
            .map(Map.Entry::getValue)
            .findFirst();
  }

  /** Whether an expression matches a whole path. */
  static boolean matches(String expression, String path) {
    return path.length() <= LONGEST
        && Pattern.compile(expression).matcher(new Bounded(expression, path)).matches();
  }

  private static Pattern compile(String key) {
    return Pattern.compile("(.*\\.)?(" + key + ")$");
  }

  /** A path that may be looked at so many times. */
  private static final class Bounded implements CharSequence {
    private final String key;
    private final String path;
    private int left = STEPS;

    Bounded(String key, String path) {
      this.key = key;
      this.path = path;
    }

    @Override
    public char charAt(int index) {
      if (--left < 0) {
        throw new InputException(
            "the pattern "
                + Texts.quoted(key)
                + " of an adapter takes too long to match "
                + Texts.quoted(path)
                + "; name the module's path instead");
      }
      return path.charAt(index);
    }

    @Override
    public int length() {
      return path.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return path.subSequence(start, end);
    }
  }
}
