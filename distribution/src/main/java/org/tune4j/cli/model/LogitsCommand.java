package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.component.Requirements;
import org.tune4j.models.ModelRegistry;
import org.tune4j.parity.Parity;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune logits}. */
@Command(
    name = "logits",
    description = "Writes a model's logits for token ids, to compare with another program's.",
    sortOptions = false,
    footer = {
      "",
      "The output is a safetensors file with logits.I of row I, [tokens, vocab] in fp32.",
      "No tokenizer is needed."
    })
public final class LogitsCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder, or a repository on the Hub.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter's folder.")
  private @Nullable Path adapter;

  @Option(
      names = "--ids",
      required = true,
      paramLabel = "FILE",
      description = "Rows of token ids: a line of JSON each, such as {\"input_ids\": [5, 6, 7]}.")
  private Path ids;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "FILE",
      description = "The safetensors file to write.")
  private Path output;

  @Option(
      names = "--gradients",
      description = {
        "Also writes loss, the mean over all next tokens of all rows, and gradient.NAME of each "
            + "tensor of the adapter; needs --adapter."
      })
  private boolean gradients;

  @Option(
      names = "--greedy",
      paramLabel = "N",
      description = {
        "Also writes greedy.I, the likeliest N tokens after the first M of row I; needs "
            + "--greedy-prompt."
      })
  private @Nullable Integer greedy;

  @Option(
      names = "--greedy-prompt",
      paramLabel = "M",
      description = "Number of a row's tokens that the greedy ones follow.")
  private @Nullable Integer greedyPrompt;

  @Mixin private EngineOptions compute;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Provider<ModelRegistry> registry;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  LogitsCommand(
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
    check();
    plugins.load();
    Parity parity =
        new Parity(gradients, greedy == null ? 0 : greedy, greedyPrompt == null ? 0 : greedyPrompt);
    PrintWriter err = spec.commandLine().getErr();
    Path folder = models.folder(model, err);
    try (Engine engine = compute.open(backends.get())) {
      err.println(ComputeOptions.describe(engine));
      parity.write(engine, registry.get(), folder, adapter, compute.dtype(), ids, output);
    }
    terminal.out().println("wrote " + output);
    return 0;
  }

  private void check() {
    if (gradients && adapter == null) {
      throw new UsageException("--gradients needs --adapter, whose tensors' gradients they are");
    }
    if ((greedy == null) != (greedyPrompt == null)) {
      throw new UsageException(
          greedy == null ? "--greedy-prompt needs --greedy" : "--greedy needs --greedy-prompt");
    }
    new Requirements()
        .atLeast(1, "--greedy", greedy)
        .atLeast(1, "--greedy-prompt", greedyPrompt)
        .check();
  }
}
