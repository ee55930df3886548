package org.tune4j.cli.hub;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
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

/** {@code tune download}. */
@Command(
    name = "download",
    description = "Downloads a model or a data set from the Hugging Face Hub.",
    sortOptions = false,
    footer = {
      "",
      "Files go into the cache shared with Python's huggingface_hub, unless --output-dir "
          + "is given; the folder is printed. Run it again to continue a partial download. "
          + "Environment: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, "
          + "HTTPS_PROXY."
    })
public final class DownloadCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "REPO", description = "OWNER/NAME, or OWNER/NAME@REVISION.")
  private String repository;

  @Option(
      names = "--repo-type",
      paramLabel = "TYPE",
      defaultValue = "model",
      description = "The repository's type: model or dataset (default: ${DEFAULT-VALUE}).")
  private String type = "model";

  @Option(
      names = "--revision",
      paramLabel = "REV",
      description = "The branch, tag or commit (default: main).")
  private @Nullable String revision;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description = "Downloads only files that match; can be repeated.")
  private List<String> include = new ArrayList<>();

  @Option(
      names = {"--exclude", "--ignore-patterns"},
      paramLabel = "GLOB",
      description = "Skips files that match; can be repeated.")
  private List<String> exclude = new ArrayList<>();

  @Option(
      names = "--output-dir",
      paramLabel = "DIR",
      description = "The folder to write to, instead of the cache.")
  private @Nullable Path outputDir;

  @Option(
      names = "--hf-token",
      paramLabel = "TOKEN",
      description = "The token (default: HF_TOKEN, or the one that `hf auth login` stored).")
  private @Nullable String token;

  @Option(
      names = "--max-workers",
      paramLabel = "N",
      defaultValue = "8",
      description = "Number of parallel downloads (default: ${DEFAULT-VALUE}).")
  private int workers = HubModels.WORKERS;

  @Option(names = "--source", hidden = true, defaultValue = "huggingface")
  private String source = "huggingface";

  @Spec private CommandSpec spec;

  private final Provider<HubSettings> settings;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  DownloadCommand(Provider<HubSettings> settings, Terminal terminal) {
    this.settings = settings;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    if (!source.equals("huggingface")) {
      throw new UsageException(
          "--source is '%s', only huggingface is supported; download it by hand".formatted(source));
    }
    if (workers < 1) {
      throw new UsageException("--max-workers is %d, expected 1 or more".formatted(workers));
    }
    Repository named = Repository.parse(repository);
    Repository wanted =
        new Repository(named.name(), revision == null ? named.revision() : revision, type(type));
    HubSettings found = settings.get();
    Hub hub = new Hub(token == null ? found : found.withToken(token));
    // A pattern of one's own asks for what it matches, whatever the format.
    FileSelection files = new FileSelection(include, exclude, include.isEmpty());
    TransferProgress progress =
        new TransferProgress(
            spec.commandLine().getErr(), terminal.interactive(), "fetching", wanted.toString());
    try {
      terminal.out().println(hub.download(wanted, files, workers, progress, outputDir));
    } finally {
      progress.end();
    }
    return 0;
  }

  static Repository.Type type(String type) {
    return switch (type) {
      case "model" -> Repository.Type.MODEL;
      case "dataset" -> Repository.Type.DATASET;
      default ->
          throw new UsageException(
              "--repo-type is '%s', expected model or dataset".formatted(type));
    };
  }
}
