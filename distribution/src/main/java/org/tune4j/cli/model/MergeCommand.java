package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.MergedModel;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.models.ModelRegistry;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune merge}. */
@Command(
    name = "merge",
    description = "Writes a model with an adapter merged into its weights.",
    sortOptions = false,
    footer = {
      "",
      "The output is a Hugging Face folder: weights, config.json, tokenizer files.",
      "Weights are merged one at a time, so only one of them is in memory."
    })
public final class MergeCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder, or a repository on the Hub.")
  private Path model;

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "A PEFT adapter's folder.")
  private Path adapter;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "The folder for the merged model; new or empty.")
  private Path output;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description = "fp32, bf16 or fp16 (default: the dtype of the model's weights).")
  private @Nullable String dtype;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      defaultValue = "5GB",
      description = "Maximum size of a weights file (default: ${DEFAULT-VALUE}).")
  private String maxShardSize = "5GB";

  @Mixin private BackendOption backend;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Provider<ModelRegistry> registry;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  MergeCommand(
      Provider<Backends> backends,
      HubModels models,
      Provider<ModelRegistry> registry,
      Terminal terminal) {
    this.registry = registry;
    this.backends = backends;
    this.models = models;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    DType type = dtype == null ? null : DType.parse(dtype);
    ShardSize size = ShardSize.parse(maxShardSize);
    PrintWriter err = spec.commandLine().getErr();
    Path folder = models.folder(model, err);
    try (Engine engine = backend.open(backends.get(), new BackendOptions(Device.CPU, 0))) {
      err.println(ComputeOptions.describe(engine));
      MergedModel.write(engine, registry.get(), folder, adapter, type, output, size);
    }
    terminal.out().println("saved " + output);
    return 0;
  }
}
