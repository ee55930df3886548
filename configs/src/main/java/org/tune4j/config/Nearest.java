package org.tune4j.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** The name that was probably meant. */
public final class Nearest {
  private Nearest() {}

  /**
   * The closest of {@code names} within a third of its length in edits, swaps counted once and the
   * case of letters not at all.
   *
   * @param typed what somebody wrote
   * @param names what could have been meant
   * @return the first by alphabet where several are as close; empty where none is close
   */
  public static Optional<String> of(String typed, Collection<String> names) {
    return names.stream()
        .filter(n -> isNear(typed, n))
        .min(Comparator.<String>comparingInt(n -> distance(typed, n)).thenComparing(n -> n));
  }

  /** The lengths alone mostly tell. */
  private static boolean isNear(String typed, String name) {
    int most = Math.max(1, Math.max(typed.length(), name.length()) / 3);
    return Math.abs(typed.length() - name.length()) <= most && distance(typed, name) <= most;
  }

  /**
   * What a message about an unknown name ends with.
   *
   * @param typed what somebody wrote
   * @param names what could have been meant
   * @return {@code ; did you mean 'NAME'?}, or nothing
   */
  public static String hint(String typed, Collection<String> names) {
    return of(typed, names).map(n -> "; did you mean '" + n + "'?").orElse("");
  }

  /** Damerau and Levenshtein's, of adjacent swaps. */
  static int distance(String typed, String name) {
    String a = typed.toLowerCase(Locale.ROOT);
    String b = name.toLowerCase(Locale.ROOT);
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
