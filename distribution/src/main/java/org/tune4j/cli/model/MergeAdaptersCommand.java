package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterSum;
import org.tune4j.checkpointing.CombinedAdapter;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.models.ModelRegistry;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune merge-adapters}. */
@Command(
    name = "merge-adapters",
    description = "Writes one LoRA adapter that is the weighted sum of several.",
    sortOptions = false,
    footer = {
      "",
      "The types are those of PEFT's add_weighted_adapter: svd keeps the largest singular values of"
          + " the sum, cat is the sum itself and has all ranks together, linear adds up the factors"
          + " of adapters of one rank."
    })
public final class MergeAdaptersCommand implements Callable<Integer> {
  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "A PEFT adapter's folder; give it once for each adapter.")
  private List<Path> adapters = new ArrayList<>();

  @Option(
      names = "--weight",
      paramLabel = "W",
      description = "An adapter's weight, in the adapters' order (default: 1 for each).")
  private List<Double> weights = new ArrayList<>();

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      defaultValue = "svd",
      description = "linear, cat or svd (default: ${DEFAULT-VALUE}).")
  private String type = "svd";

  @Option(
      names = "--rank",
      paramLabel = "R",
      description = "The result's rank with svd (default: the adapters' largest).")
  private @Nullable Integer rank;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "The folder for the result; new or empty.")
  private Path output;

  @Mixin private BackendOption backend;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Provider<ModelRegistry> registry;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  MergeAdaptersCommand(
      Provider<Backends> backends, Provider<ModelRegistry> registry, Terminal terminal) {
    this.backends = backends;
    this.registry = registry;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    AdapterSum.Type how = AdapterSum.Type.of(type);
    Map<Path, Double> parts = parts();
    PrintWriter err = spec.commandLine().getErr();
    try (Engine engine = backend.open(backends.get(), new BackendOptions(Device.CPU, 0))) {
      err.println(ComputeOptions.describe(engine));
      CombinedAdapter.write(engine, registry.get(), parts, how, rank, output);
    }
    terminal.out().println("saved " + output);
    return 0;
  }

  private Map<Path, Double> parts() {
    if (!weights.isEmpty() && weights.size() != adapters.size()) {
      throw new UsageException(
          "there are %d --weight for %d --adapter; give one for each, or none"
              .formatted(weights.size(), adapters.size()));
    }
    Map<Path, Double> parts = new LinkedHashMap<>();
    for (int i = 0; i < adapters.size(); i++) {
      if (parts.put(adapters.get(i), weights.isEmpty() ? 1.0 : weights.get(i)) != null) {
        throw new UsageException(
            "--adapter %s is given twice; add up its weights".formatted(adapters.get(i)));
      }
    }
    return parts;
  }
}
