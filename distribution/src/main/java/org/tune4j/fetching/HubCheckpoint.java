package org.tune4j.fetching;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tune4j.config.Config;
import org.tune4j.hub.Repository;

/**
 * A config that names its checkpoint by a repository of the hub, where a folder's name may stand.
 *
 * @param config with {@code checkpointer.checkpoint_dir=OWNER/NAME}
 * @param repository that is named
 */
public record HubCheckpoint(Config config, Repository repository) {
  static final String CHECKPOINT = "checkpointer.checkpoint_dir";
  private static final String TOKENIZER = "tokenizer.path";

  /**
   * {@return the repository that a config names; empty where the checkpoint is a folder, or none is
   * named}
   *
   * @param config of a run
   */
  public static Optional<HubCheckpoint> in(Config config) {
    String place = config.text(CHECKPOINT);
    return place.isEmpty() || place.indexOf('\0') >= 0
        ? Optional.empty()
        : Repository.insteadOf(Path.of(place)).map(r -> new HubCheckpoint(config, r));
  }

  /**
   * {@return the config with a folder instead, and the tokenizer from there if it had the same
   * name}
   *
   * @param folder with the files of the repository
   */
  public Config at(Path folder) {
    return at(config, repository.toString(), folder);
  }

  static Config at(Config config, String name, Path folder) {
    String quoted = "='" + folder.toString().replace("'", "''") + "'";
    List<String> changes = new ArrayList<>(List.of(CHECKPOINT + quoted));
    if (name.equals(config.text(TOKENIZER))) {
      changes.add(TOKENIZER + quoted);
    }
    return config.with(changes);
  }
}
