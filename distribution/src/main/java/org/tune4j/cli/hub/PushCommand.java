package org.tune4j.cli.hub;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.hub.FileSelection;
import org.tune4j.hub.Hub;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.Repository;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tune push}. */
@Command(
    name = "push",
    description = "Uploads an adapter or a model to the Hugging Face Hub.",
    sortOptions = false,
    footer = {
      "",
      "All files of the folder go into one commit; the repository is created if there is none. "
          + "Hidden files and links are left out. The commit's address is printed. Environment: "
          + "HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HTTPS_PROXY."
    })
public final class PushCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "DIR", description = "The folder, such as out/epoch_0.")
  private Path folder;

  @Parameters(index = "1", paramLabel = "REPO", description = "OWNER/NAME, or OWNER/NAME@BRANCH.")
  private String repository;

  @Option(
      names = "--repo-type",
      paramLabel = "TYPE",
      defaultValue = "model",
      description = "The repository's type: model or dataset (default: ${DEFAULT-VALUE}).")
  private String type = "model";

  @Option(
      names = "--private",
      description = "Creates the repository private; one that exists stays as it is.")
  private boolean hidden;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description = "Uploads only files that match; can be repeated.")
  private List<String> include = new ArrayList<>();

  @Option(
      names = "--exclude",
      paramLabel = "GLOB",
      description = "Skips files that match; can be repeated.")
  private List<String> exclude = new ArrayList<>();

  @Option(
      names = "--message",
      paramLabel = "TEXT",
      description = "The commit's message (default: ${DEFAULT-VALUE}).",
      defaultValue = "Upload with tune push")
  private String message = "";

  @Option(
      names = "--hf-token",
      paramLabel = "TOKEN",
      description = "The token (default: HF_TOKEN, or the one that `hf auth login` stored).")
  private @Nullable String token;

  @Spec private CommandSpec spec;

  private final Provider<HubSettings> settings;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  PushCommand(Provider<HubSettings> settings, Terminal terminal) {
    this.settings = settings;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    Repository parsed = Repository.parse(repository);
    Repository to = new Repository(parsed.name(), parsed.revision(), DownloadCommand.type(type));
    HubSettings found = settings.get();
    Hub hub = new Hub(token == null ? found : found.withToken(token));
    FileSelection files = new FileSelection(include, exclude, false);
    TransferProgress progress =
        new TransferProgress(
            spec.commandLine().getErr(), terminal.interactive(), "pushing", to.toString());
    try {
      terminal.out().println(hub.push(to, folder, files, hidden, message, progress));
    } finally {
      progress.end();
    }
    return 0;
  }
}
