package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.ModelRegistry;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options of every command that uses a model: what computes, where, and in which type. */
final class ModelOptions {
  @Option(
      names = "--tokenizer",
      paramLabel = "PATH",
      description = "The tokenizer's file or folder (default: the model's).")
  private @Nullable Path tokenizer;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "bf16",
      description = "fp32, bf16 or fp16 (default: ${DEFAULT-VALUE}).")
  private String dtype = "bf16";

  @Mixin private BackendOption backend;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "cpu, cuda or cuda:INDEX (default: ${DEFAULT-VALUE}).")
  private String device = "cpu";

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Threads on the CPU; 0 for all cores (default: ${DEFAULT-VALUE}).")
  private int threads;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private final HubModels models;
  private final Provider<ModelRegistry> registry;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ModelOptions(HubModels models, Provider<ModelRegistry> registry) {
    this.models = models;
    this.registry = registry;
  }

  Engine open(Backends backends) {
    if (threads < 0) {
      throw new UsageException("--threads is %d, expected 0 or more".formatted(threads));
    }
    DType.parse(dtype);
    return backend.open(backends, new BackendOptions(Device.parse(device), threads));
  }

  /** The model, fetched where it names a repository; its tensors in the innermost scope. */
  InferenceModel load(Path model, Engine engine) {
    Path folder = models.folder(model, spec.commandLine().getErr());
    return InferenceModel.open(registry.get(), folder, tokenizer, engine, DType.parse(dtype));
  }

  String dtype() {
    return dtype;
  }
}
