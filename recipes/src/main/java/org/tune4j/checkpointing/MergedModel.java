package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.Merge;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.QuantisedLayout;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** What a model becomes when a PEFT adapter is merged into its weights. */
public final class MergedModel {
  private MergedModel() {}

  /**
   * Writes the merged model as a Hugging Face folder: weights, config, generation config and
   * tokenizer files. The weights are read, merged and written one at a time. The folder appears
   * whole or not at all, and holds the same weights as a run's own merge of that adapter.
   *
   * @param engine that computes the merged weights
   * @param registry knows the model's family and the adapter's type
   * @param model a Hugging Face model's folder
   * @param adapter a PEFT adapter's folder or its safetensors file
   * @param dtype of the merged weights; null for the type of the model's
   * @param output a folder that does not exist yet, or is empty
   * @param shardSize of the weights' files
   * @throws UsageException when {@code output} holds something
   * @throws InputException when a file is missing or broken, or the adapter does not fit the model
   * @throws org.tune4j.EnvironmentException when the folder cannot be written
   */
  public static void write(
      Engine engine,
      ModelRegistry registry,
      Path model,
      Path adapter,
      @Nullable DType dtype,
      Path output,
      ShardSize shardSize) {
    requireEmpty(output);
    AdapterCheckpoint from = new AdapterCheckpoint(registry.open(adapter));
    HuggingFaceCheckpointer files =
        new HuggingFaceCheckpointer(model, null, output)
            .withVocabulary(from.saved().tokens())
            .withLabels(from.saved().labels(), 0);
    HuggingFaceFolder folder = files.folder();
    requireOriginal(folder, "merge into the original weights: give their folder as --model");
    DType type = dtype == null ? TensorFiles.mostly(folder) : dtype;
    Decoder decoder = from.adapted(registry.read(folder.config().json()), Precision.of(type));
    BaseWeights.match(decoder, folder);
    Function<String, @Nullable Tensor> stored =
        name -> {
          HuggingFaceFolder.Weight w = folder.weights().get(name);
          return w == null ? null : TensorFiles.map(engine, w.file(), w.entry());
        };
    try (TensorScope scope = engine.openScope()) {
      from.load(engine, decoder, stored);
      Merge.requirePossible(decoder);
      Map<String, Tensor> replaced = from.replaced(engine, decoder, stored);
      Map<Parameter, String> names = new LinkedHashMap<>();
      decoder.parameters().forEach((name, p) -> names.put(p, name));
      Function<Parameter, Tensor> weights =
          p -> {
            String name = names.get(p);
            Tensor own = replaced.get(name);
            return own != null ? own : TensorFiles.narrow(stored.apply(name), type);
          };
      AtomicFolder.write(
          output,
          target -> {
            files
                .writer()
                .writeModel(target, decoder, tensors(engine, decoder, weights), shardSize);
            from.saved()
                .tokenizer()
                .ifPresent(beside -> HuggingFaceFolder.copyTokenizer(beside, target));
          });
    }
  }

  /**
   * Refuses to merge into quantised weights, whose steps are wider than most of what an adapter
   * adds.
   *
   * @param folder of the base weights
   * @param fix what to do instead
   * @throws UsageException when one is quantised
   */
  public static void requireOriginal(HuggingFaceFolder folder, String fix) {
    folder
        .weights()
        .forEach(
            (name, w) -> {
              if (w.entry().layout() instanceof QuantisedLayout q) {
                throw new UsageException(
                    "%s: %s is stored in %s, which an adapter cannot be merged into; %s"
                        .formatted(folder.path(), name, q.dtype(), fix));
              }
            });
  }

  static void requireEmpty(Path output) {
    if (!Files.isDirectory(output)) {
      return;
    }
    try (Stream<Path> content = Files.list(output)) {
      if (content.findAny().isPresent()) {
        throw new UsageException(
            "the output folder %s is not empty; name a new one".formatted(output));
      }
    } catch (IOException e) {
      throw new InputException("cannot read " + output + ": " + TuneException.reason(e), e);
    }
  }

  /**
   * Those of a decoder with adapters, all of which has storage.
   *
   * @param folder has the weights that are merged into where the decoder's are quantised
   */
  static List<StoredTensor> tensors(Decoder decoder, HuggingFaceFolder folder) {
    Engine engine = decoder.parameters().values().iterator().next().tensor().engine();
    Map<Parameter, String> names = new HashMap<>();
    decoder.parameters().forEach((name, p) -> names.put(p, name));
    return tensors(
        engine,
        decoder,
        p ->
            p.tensor().dtype().isQuantised()
                ? original(engine, folder, p, names.get(p))
                : p.tensor());
  }

  private static Tensor original(
      Engine engine, HuggingFaceFolder folder, Parameter p, @Nullable String name) {
    HuggingFaceFolder.Weight w = folder.weights().get(name);
    if (w == null) {
      throw new IllegalArgumentException(name);
    }
    return TensorFiles.narrow(TensorFiles.map(engine, w.file(), w.entry()), p.dtype());
  }

  /**
   * Those of a decoder whose adapters have storage, merged when they are written.
   *
   * @param weights the values of a parameter that is no adapter's; asked for when it is written
   */
  private static List<StoredTensor> tensors(
      Engine engine, Decoder decoder, Function<Parameter, Tensor> weights) {
    Map<String, Adapter> adapters = Adapters.of(decoder);
    Set<String> ofAdapters = Adapters.parameters(decoder).keySet();
    Map<String, Parameter> named = new LinkedHashMap<>(decoder.parameters());
    named.keySet().removeAll(ofAdapters);
    if (Merge.unties(decoder)) {
      decoder.sharedNames().forEach((name, first) -> named.put(name, named.get(first)));
    }
    TensorWriter writer = new TensorWriter();
    List<StoredTensor> all = new ArrayList<>();
    List<StoredTensor> merged = new ArrayList<>();
    named.forEach(
        (name, p) ->
            Merge.changing(adapters, name)
                .ifPresentOrElse(
                    change ->
                        merged.add(
                            writer.stored(
                                name,
                                p,
                                engine,
                                () ->
                                    Merge.of(
                                        engine,
                                        change.getValue(),
                                        change.getKey(),
                                        weights.apply(p)))),
                    () -> all.add(writer.stored(name, p, engine, () -> weights.apply(p)))));
    all.addAll(merged);
    return all;
  }
}
