package org.tune4j.cli.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.config.Config;

/** A model's folder that a config names and that is not there. */
public final class ModelFolder {
  /** As in torchtune, a config's comments show the command that fetches its model. */
  private static final Pattern COMMAND =
      Pattern.compile("(?m)^#.{0,200}?\\btune download ([\\w.-]{1,96}/[\\w.-]{1,96})");

  private ModelFolder() {}

  /**
   * {@return what is missing and the command that fetches it; empty where the folder is there, or
   * none is named}
   *
   * @param resolved whose {@code checkpointer.checkpoint_dir} is looked for
   * @param yaml the config's text, comments included
   */
  public static Optional<String> missing(Config resolved, String yaml) {
    Optional<Path> folder = resolved.path("checkpointer.checkpoint_dir").filter(Files::notExists);
    return folder.map(
        f -> {
          Matcher command = COMMAND.matcher(yaml);
          return "checkpointer.checkpoint_dir is %s, which does not exist; %s"
              .formatted(
                  f,
                  command.find()
                      ? "`tune download %s --output-dir %s` fetches it"
                          .formatted(command.group(1), f)
                      : "correct the path, or fetch the model with `tune download OWNER/NAME --output-dir %s`"
                          .formatted(f));
        });
  }

  /**
   * Checks that the folder is there, before anything is started that would miss it.
   *
   * @param resolved whose {@code checkpointer.checkpoint_dir} is looked for
   * @param yaml the config's text, comments included
   * @throws InputException when it is not
   */
  public static void require(Config resolved, String yaml) {
    missing(resolved, yaml)
        .ifPresent(
            m -> {
              throw new InputException(m);
            });
  }
}
