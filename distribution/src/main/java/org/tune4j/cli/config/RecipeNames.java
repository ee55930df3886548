package org.tune4j.cli.config;

import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Nearest;
import org.tune4j.config.Unsupported;
import org.tune4j.recipe.Recipe;

/**
 * Which recipe a config is for. As in torchtune, a config's comments show the command that runs it.
 */
public final class RecipeNames {
  /**
   * RECIPE and, where the command goes on to it, what {@code --config} names. Bounded, since
   * anybody may have written the comment.
   */
  private static final Pattern COMMAND =
      Pattern.compile(
          "(?m)^#.{0,200}?\\btune run (?:--config \\S{1,200} |--?\\S{1,200} (?:\\d{1,9}"
              + " )?){0,32}+([A-Za-z_][\\w./-]{0,200})(?![^\\s`'\"\\\\])(?:.{0,1000}? --config["
              + " =](\\S{1,200}))?");

  /** What torchtune's configs begin with. */
  private static final Pattern TITLE =
      Pattern.compile("(?m)\\A# Config for .{0,200}?\\b([A-Za-z_]\\w{0,200})\\.py\\b");

  private static final Pattern CONTINUATION = Pattern.compile("\\\\\\R#[ \\t]*");

  private RecipeNames() {}

  /**
   * A comment from which {@link #inComments} reads the recipe.
   *
   * @param recipe its name
   * @return a line with its end
   */
  public static String comment(String recipe) {
    return "# tune run " + recipe + " --config THIS_FILE\n";
  }

  /**
   * The recipe of the command in a config's comments. Where several commands stand there, that for
   * this config, else the first; where none does, the recipe of the title that torchtune's configs
   * have, {@code # Config for ... in RECIPE.py}.
   *
   * @param config its name or file
   * @param yaml its text
   * @return its name, where the comments tell
   */
  public static Optional<String> inComments(String config, String yaml) {
    List<MatchResult> commands =
        COMMAND.matcher(CONTINUATION.matcher(yaml).replaceAll("")).results().toList();
    return commands.stream()
        .filter(c -> c.group(2) != null && stem(c.group(2)).equals(stem(config)))
        .findFirst()
        .or(() -> commands.stream().findFirst())
        .map(c -> c.group(1))
        .or(() -> TITLE.matcher(yaml).results().findFirst().map(t -> t.group(1)));
  }

  /** A shipped config's or a file's last name, without {@code .yaml}. */
  private static String stem(String config) {
    return config.replaceFirst(".*[/\\\\]", "").replaceFirst("\\.ya?ml$", "");
  }

  /**
   * The recipe that was given, else the one that the config's comments name.
   *
   * @param given null where none was
   * @param config its name or file
   * @param yaml its text
   * @param known the recipes that there are
   * @return its name, the short one unless it was given
   * @throws UsageException when neither names one, or the comments name one that is not there
   */
  public static String of(
      @Nullable String given, String config, String yaml, ComponentRegistry known) {
    if (given != null) {
      return given;
    }
    List<String> recipes = known.names(Recipe.class);
    String named =
        inComments(config, yaml)
            .orElseThrow(
                () ->
                    new UsageException(
                        "config '%s' does not say which recipe it is for; name one of %s"
                            .formatted(config, String.join(", ", recipes))));
    return known
        .shortName(named, Recipe.class)
        .orElseThrow(
            () ->
                new UsageException(
                    "config '%s' is for recipe '%s'%s"
                        .formatted(
                            config,
                            named,
                            Unsupported.recipe(named)
                                .map(": "::concat)
                                .orElseGet(() -> unknown(named, recipes)))));
  }

  private static String unknown(String named, List<String> recipes) {
    return ", which is not known%s; name its plugin with --plugin, or name one of %s"
        .formatted(Nearest.hint(named, recipes), String.join(", ", recipes));
  }
}
