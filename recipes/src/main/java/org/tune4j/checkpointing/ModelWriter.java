package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.Merge;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.GgufModel;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.Manifest;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.ShardPlan;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.hub.Repository;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** Writes what training made of a checkpoint: adapters, merged models and full models. */
public final class ModelWriter {
  /** The file's name that model hubs show. */
  private static final String CARD = "README.md";

  private final HuggingFaceCheckpointer base;
  private final @Nullable Supplier<String> card;

  ModelWriter(HuggingFaceCheckpointer base, @Nullable Supplier<String> card) {
    this.base = base;
    this.card = card;
  }

  /**
   * {@return the same, but with a {@code README.md} in every {@code epoch_N}}
   *
   * @param text gives the file; asked by rank 0 when it writes
   */
  public ModelWriter withCard(Supplier<String> text) {
    return new ModelWriter(base, text);
  }

  /**
   * {@return where a result is written}
   *
   * @param name of the folder in {@link HuggingFaceCheckpointer#outputDir}
   */
  public Path folder(String name) {
    return base.outputDir().resolve(name);
  }

  /**
   * Writes a PEFT adapter into a folder.
   *
   * @param folder exists
   * @param decoder with adapters
   * @param values the adapters' tensors by full parameter name
   * @throws org.tune4j.EnvironmentException when it cannot be written
   */
  public void writeAdapter(Path folder, Decoder decoder, Map<String, StoredTensor> values) {
    write(folder, decoder, decoder.adapter().orElseThrow(), values);
  }

  private void write(
      Path folder, Decoder decoder, AdapterConfig config, Map<String, StoredTensor> values) {
    List<String> others = base.folder().others().stream().map(w -> w.entry().name()).toList();
    Map<String, Object> fields =
        new LinkedHashMap<>(config.peftFields(Adapters.targetModules(decoder, config, others)));
    if (decoder.config().labels().isPresent()) {
      fields.put(SavedAdapter.TASK_TYPE, SavedAdapter.LABELS);
    }
    PeftAdapter.write(
        folder,
        fields,
        // PEFT fetches it by this name elsewhere, where a path of this machine says nothing.
        Repository.ofSnapshot(base.checkpointDir())
            .map(Repository::name)
            .orElse(GgufModel.origin(base.checkpointDir()).toAbsolutePath().normalize().toString()),
        saved(decoder, values));
  }

  private static Map<String, StoredTensor> finished(Decoder decoder) {
    TensorWriter writer = new TensorWriter();
    DType dtype = decoder.precision().adapters();
    Map<String, StoredTensor> all = new LinkedHashMap<>();
    Adapters.of(decoder)
        .forEach(
            (path, adapter) ->
                adapter
                    .finished()
                    .forEach(
                        (name, t) ->
                            all.put(
                                path + "." + name, writer.stored(path + "." + name, t, dtype))));
    return all;
  }

  /** The tensors by their names in the file, a shared one under each of its names. */
  private static Map<String, StoredTensor> saved(
      Decoder decoder, Map<String, StoredTensor> values) {
    Map<String, StoredTensor> all = new LinkedHashMap<>(values);
    TensorWriter writer = new TensorWriter();
    Adapters.parameters(decoder)
        .forEach(
            (name, p) -> {
              if (!p.trainable()) {
                all.putIfAbsent(name, writer.stored(name, p.tensor()));
              }
            });
    Map<String, String> first = decoder.sharedNames();
    Map<String, StoredTensor> saved = new LinkedHashMap<>();
    Adapters.savedNames(decoder)
        .forEach((name, to) -> saved.put(to, all.get(first.getOrDefault(name, name))));
    return saved;
  }

  /**
   * Writes a full model into a folder: weights, config and tokenizer files.
   *
   * @param folder exists
   * @param decoder gives the config
   * @param values by full parameter name, all of one type
   * @param shardSize of the weights' files
   * @throws IOException when a file cannot be copied or written
   * @throws org.tune4j.EnvironmentException when the weights cannot be written
   */
  public void writeModel(
      Path folder, Decoder decoder, Map<String, StoredTensor> values, ShardSize shardSize)
      throws IOException {
    writeModel(folder, decoder, List.copyOf(values.values()), shardSize);
  }

  void writeModel(Path folder, Decoder decoder, List<StoredTensor> weights, ShardSize shardSize)
      throws IOException {
    HuggingFaceFolder read = base.folder();
    List<StoredTensor> all = new ArrayList<>();
    weights.forEach(w -> all.add(w.named(read.storedName(w.name()))));
    read.others().forEach(w -> all.add(w.stored()));
    ShardPlan.of(all, shardSize).write(folder);
    read.copySideFiles(folder);
    base.additions().write(base.checkpointDir(), folder);
    read.config()
        .write(
            folder.resolve(HuggingFaceFolder.CONFIG),
            changes(read.config(), decoder, weights.get(0).type()));
  }

  /**
   * Writes {@code epoch_N}: the PEFT adapter and, unless left out, the merged model with config and
   * tokenizer files. The folder appears whole, with a manifest, or not at all.
   *
   * @param decoder with adapters
   * @param name of the folder in {@link HuggingFaceCheckpointer#outputDir}; one that is there is
   *     replaced
   * @param adapterOnly whether to leave the merged model out
   * @param shardSize of the merged model's files
   * @return the folder
   * @throws org.tune4j.EnvironmentException when it cannot be written
   */
  public Path saveAdapter(Decoder decoder, String name, boolean adapterOnly, ShardSize shardSize) {
    Path target = folder(name);
    Engine engine = Adapters.parameters(decoder).values().iterator().next().tensor().engine();
    AtomicFolder.write(
        target,
        folder -> {
          try (TensorScope scope = engine.openScope()) {
            write(folder, decoder, decoder.adapter().orElseThrow().finished(), finished(decoder));
          }
          base.additions().write(base.checkpointDir(), folder);
          if (!adapterOnly) {
            writeModel(folder, decoder, MergedModel.tensors(decoder, base.folder()), shardSize);
          } else if (decoder.config().labels().isPresent()) {
            // PEFT's own files have no names of labels.
            base.folder().config().write(folder.resolve(HuggingFaceFolder.CONFIG), Map.of());
          }
          finish(folder);
        });
    return target;
  }

  /**
   * Writes {@code epoch_N}: the full model with config and tokenizer files, as a whole.
   *
   * @param decoder without adapters
   * @param name of the folder in {@link HuggingFaceCheckpointer#outputDir}; one that is there is
   *     replaced
   * @param dtype of the weights in its files
   * @param shardSize of its files
   * @return the folder
   * @throws org.tune4j.EnvironmentException when it cannot be written
   */
  public Path saveModel(Decoder decoder, String name, DType dtype, ShardSize shardSize) {
    return saveModel(decoder, tensors(decoder.parameters(), dtype), name, shardSize);
  }

  /**
   * The same with values of its parameters that lie elsewhere.
   *
   * @param decoder without adapters
   * @param values by full name
   * @param name of the folder in {@link HuggingFaceCheckpointer#outputDir}; one that is there is
   *     replaced
   * @param shardSize of its files
   * @return the folder
   * @throws org.tune4j.EnvironmentException when it cannot be written
   */
  public Path saveModel(
      Decoder decoder, Map<String, StoredTensor> values, String name, ShardSize shardSize) {
    Path target = folder(name);
    AtomicFolder.write(
        target,
        folder -> {
          writeModel(folder, decoder, values, shardSize);
          finish(folder);
        });
    return target;
  }

  private void finish(Path folder) throws IOException {
    if (card != null) {
      Files.writeString(folder.resolve(CARD), card.get());
    }
    Manifest.write(folder);
  }

  private static Map<String, StoredTensor> tensors(Map<String, Parameter> parameters, DType dtype) {
    TensorWriter writer = new TensorWriter();
    Map<String, StoredTensor> all = new LinkedHashMap<>();
    parameters.forEach((name, p) -> all.put(name, writer.stored(name, p.tensor(), dtype)));
    return all;
  }

  /** The weights' type, and a head of its own where merging made one. */
  private static Map<String, Object> changes(
      HuggingFaceConfig base, Decoder decoder, SafetensorsType stored) {
    String type =
        switch (stored) {
          case F64 -> "float64";
          case F32 -> "float32";
          case F16 -> "float16";
          default -> "bfloat16";
        };
    Map<String, Object> changes = new LinkedHashMap<>();
    changes.put(base.json().mentions("dtype") ? "dtype" : "torch_dtype", type);
    if (Merge.unties(decoder)) {
      changes.put("tie_word_embeddings", false);
    }
    return changes;
  }
}
