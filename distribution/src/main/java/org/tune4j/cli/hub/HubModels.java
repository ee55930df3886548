package org.tune4j.cli.hub;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.Config;
import org.tune4j.fetching.GgufCheckpoint;
import org.tune4j.fetching.HubCheckpoint;
import org.tune4j.hub.Hub;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.Repository;

/** Model folders that are named by a repository of the hub instead. */
public final class HubModels {
  static final int WORKERS = 8;

  private final Provider<HubSettings> settings;
  private final Terminal terminal;

  @Inject
  HubModels(Provider<HubSettings> settings, Terminal terminal) {
    this.settings = settings;
    this.terminal = terminal;
  }

  /**
   * The folder itself, that of a GGUF file, or that of the repository of this name: from the cache,
   * else made or fetched.
   *
   * @param model a folder, a GGUF file, or {@code OWNER/NAME}
   * @param err takes the progress
   * @return a folder on this machine
   */
  public Path folder(Path model, PrintWriter err) {
    return GgufCheckpoint.folder(Repository.insteadOf(model).map(r -> fetch(r, err)).orElse(model));
  }

  private Path fetch(Repository repository, PrintWriter err) {
    TransferProgress progress =
        new TransferProgress(err, terminal.interactive(), "fetching", repository.toString());
    try {
      return new Hub(settings.get()).model(repository, WORKERS, progress);
    } finally {
      progress.end();
    }
  }

  /**
   * A config whose checkpoint's folder is there: from the cache, else fetched.
   *
   * @param config that may name a repository as {@code checkpointer.checkpoint_dir}
   * @param err takes the progress
   * @return the config with the folder in its place
   */
  public Config fetched(Config config, PrintWriter err) {
    return GgufCheckpoint.in(
        HubCheckpoint.in(config).map(h -> h.at(fetch(h.repository(), err))).orElse(config));
  }

  /**
   * A config with the cache's folder where that has the checkpoint. The network is not used.
   *
   * @param config that may name a repository as {@code checkpointer.checkpoint_dir}
   * @return the config, with the folder in its place where there is one
   */
  public Config cached(Config config) {
    return GgufCheckpoint.in(
        HubCheckpoint.in(config)
            .flatMap(h -> new Hub(settings.get()).cached(h.repository()).map(h::at))
            .orElse(config));
  }
}
