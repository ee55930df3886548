package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.checkpoint.Conversion;
import org.tune4j.checkpoint.GgufExport;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.hub.HubModels;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.models.ModelRegistry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tune convert}. */
@Command(
    name = "convert",
    description = "Writes a model or an adapter in another file format.",
    sortOptions = false,
    footer = {
      "",
      "OUT ending in .gguf is a file for llama.cpp, with an Ollama Modelfile beside it.",
      "Any other OUT is a Hugging Face folder. Weights are converted one at a time."
    })
public final class ConvertCommand implements Callable<Integer> {
  private static final String GGUF = ".gguf";
  private static final String MODELFILE = "Modelfile";

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description =
          "A model: a Hugging Face folder, Meta's, a GGUF file, or a repository on the Hub;"
              + " or a PEFT adapter's folder.")
  private Path in;

  @Parameters(index = "1", paramLabel = "OUT", description = "The folder or .gguf file to write.")
  private Path out;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "f32, f16 or bf16 for a folder (default: the type of the model's weights); for a GGUF"
              + " file also q8_0, q4_0 or q4_k (default: f16).")
  private @Nullable String type;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "An adapter's base model (default: the one adapter_config.json names).")
  private @Nullable Path model;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      defaultValue = "5GB",
      description = "Maximum size of a weights file (default: ${DEFAULT-VALUE}).")
  private String maxShardSize = "5GB";

  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<ModelRegistry> registry;
  private final HubModels models;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ConvertCommand(HubModels models, Provider<ModelRegistry> registry, Terminal terminal) {
    this.registry = registry;
    this.models = models;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    boolean gguf = out.toString().endsWith(GGUF);
    ShardSize size = ShardSize.parse(maxShardSize);
    if (Files.exists(out)) {
      throw new UsageException("%s exists; name another output".formatted(out));
    }
    if (Files.exists(in.resolve(PeftAdapter.CONFIG))) {
      adapter(gguf);
    } else {
      HuggingFaceFolder from = folder(in);
      if (gguf) {
        GgufExport.model(from, type == null ? "f16" : type, out);
        modelfile("FROM ./" + out.getFileName());
      } else {
        Conversion.folder(from, type, out, size);
      }
    }
    terminal.out().println("saved " + out);
    return 0;
  }

  private HuggingFaceFolder folder(Path place) {
    return HuggingFaceFolder.open(models.folder(place, spec.commandLine().getErr()));
  }

  private void adapter(boolean gguf) {
    if (!gguf) {
      throw new UsageException(
          "%s is an adapter, which converts to a .gguf file only; merge it with tune merge for a model's folder"
              .formatted(in));
    }
    PeftAdapter adapter = PeftAdapter.open(in);
    SavedAdapter saved = registry.get().open(in);
    if (!(saved.config() instanceof LoraConfig lora) || !lora.isPlain()) {
      throw new UsageException(
          "%s is no plain LoRA adapter; merge it with tune merge".formatted(in));
    }
    if (model == null && adapter.baseModel().isEmpty()) {
      throw new UsageException("%s names no base model; give it with --model".formatted(in));
    }
    Path base = model == null ? Path.of(adapter.baseModel()) : model;
    GgufExport.adapter(
        adapter, folder(base).config().json(), lora::scale, type == null ? "f16" : type, out);
    modelfile("FROM " + base + System.lineSeparator() + "ADAPTER ./" + out.getFileName());
  }

  /** Ollama knows the chat templates of GGUF files itself. */
  private void modelfile(String text) {
    Path file = out.resolveSibling(MODELFILE);
    try {
      Files.writeString(file, text + System.lineSeparator());
    } catch (IOException e) {
      throw new EnvironmentException("cannot write " + file + ": " + TuneException.reason(e), e);
    }
  }
}
