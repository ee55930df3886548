package org.tune4j.cli;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which recipe a config is for. As in torchtune, a config's comments show the command that runs it.
 */
final class RecipeNames {
  private static final Pattern COMMAND =
      Pattern.compile("(?m)^#.*\\btune run (?:--?\\S+ (?:\\d+ )?)*([\\w./-]+)[ \\\\]");

  private RecipeNames() {}

  /** A comment from which {@link #inComments} reads the recipe. */
  static String comment(String recipe) {
    return "# tune run " + recipe + " --config THIS_FILE\n";
  }

  /** The recipe that a comment of the config names, as in {@code # tune run RECIPE --config X}. */
  static Optional<String> inComments(String yaml) {
    Matcher m = COMMAND.matcher(yaml);
    return m.find() ? Optional.of(m.group(1)) : Optional.empty();
  }

  /** The one that a comment names, else the only one there is. */
  static Optional<String> of(String yaml, List<String> recipes) {
    return inComments(yaml)
        .filter(recipes::contains)
        .or(() -> recipes.size() == 1 ? Optional.of(recipes.get(0)) : Optional.empty());
  }
}
