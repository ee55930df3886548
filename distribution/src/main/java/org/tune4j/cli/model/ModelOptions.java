package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.ModelRegistry;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options of every command that uses a model for text. */
final class ModelOptions {
  @Option(
      names = "--tokenizer",
      paramLabel = "PATH",
      description = "The tokenizer's file or folder (default: the model's).")
  private @Nullable Path tokenizer;

  @Mixin private EngineOptions compute;

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
    return compute.open(backends);
  }

  /** Those that are given. */
  static List<Path> some(@Nullable Path... adapters) {
    return Stream.of(adapters).filter(Objects::nonNull).map(Path.class::cast).toList();
  }

  /**
   * The model for some adapters, fetched where it names a repository; its tensors in the innermost
   * scope.
   */
  InferenceModel load(Path model, List<Path> adapters, Engine engine) {
    Path folder = models.folder(model, spec.commandLine().getErr());
    return InferenceModel.open(
        registry.get(), folder, adapters, tokenizer, engine, compute.dtype());
  }
}
