package org.tune4j.cli;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tune4j.config.Config;
import org.tune4j.hub.Hub;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.Repository;

/** Model folders that are named by a repository of the hub instead. */
final class HubModels {
  static final int WORKERS = 8;

  private static final String CHECKPOINT = "checkpointer.checkpoint_dir";
  private static final String TOKENIZER = "tokenizer.path";

  private final Provider<HubSettings> settings;
  private final Terminal terminal;

  @Inject
  HubModels(Provider<HubSettings> settings, Terminal terminal) {
    this.settings = settings;
    this.terminal = terminal;
  }

  /** The folder itself, or that of the repository of this name: from the cache, else fetched. */
  Path folder(Path model, PrintWriter err) {
    return Repository.insteadOf(model).map(r -> fetch(r, err)).orElse(model);
  }

  private Path fetch(Repository repository, PrintWriter err) {
    DownloadProgress progress =
        new DownloadProgress(err, terminal.interactive(), repository.toString());
    try {
      return new Hub(settings.get()).model(repository, WORKERS, progress);
    } finally {
      progress.end();
    }
  }

  /** A config whose checkpoint's folder is there: from the cache, else fetched. */
  Config fetched(Config config, PrintWriter err) {
    return repository(config).map(r -> named(config, r, fetch(r, err))).orElse(config);
  }

  /** A config with the cache's folder where that has the checkpoint. The network is not used. */
  Config cached(Config config) {
    return repository(config)
        .flatMap(r -> new Hub(settings.get()).cached(r).map(folder -> named(config, r, folder)))
        .orElse(config);
  }

  private static Optional<Repository> repository(Config config) {
    String place = config.settings().getOrDefault(CHECKPOINT, "");
    return place.isEmpty() || place.indexOf('\0') >= 0
        ? Optional.empty()
        : Repository.insteadOf(Path.of(place));
  }

  private static Config named(Config config, Repository repository, Path folder) {
    String quoted = "='" + folder.toString().replace("'", "''") + "'";
    List<String> changes = new ArrayList<>(List.of(CHECKPOINT + quoted));
    if (repository.toString().equals(config.settings().get(TOKENIZER))) {
      changes.add(TOKENIZER + quoted);
    }
    return config.with(changes);
  }
}
