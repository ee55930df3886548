package org.tune4j.inference;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.Labels;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.generation.Generator;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.PackedWeights;
import org.tune4j.platform.AvailableMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeDType;

/**
 * A Hugging Face folder opened for inference: one set of base weights, mapped where the file has
 * the type asked for, and decoders over it, plain or with a PEFT adapter that is applied without
 * merging. On a CPU the linears are {@linkplain PackedWeights packed} where memory allows a copy.
 * All tensors belong to the scope that was innermost when it was opened, so that must outlive it.
 */
public final class InferenceModel implements AutoCloseable {
  private final ModelRegistry registry;
  private final Path folder;
  private final Engine engine;
  private final Tokenizer tokenizer;
  private final Decoder base;
  private final Optional<PackedWeights> packed;
  private final Map<Path, Decoder> adapted = new LinkedHashMap<>();

  private InferenceModel(
      ModelRegistry registry, Path folder, Engine engine, Tokenizer tokenizer, Decoder base) {
    this.registry = registry;
    this.folder = folder;
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.base = base;
    this.packed =
        leavesRoom(bytes(base), AvailableMemory.bytes())
            ? PackedWeights.of(engine, base)
            : Optional.empty();
    packed.ifPresent(base::setPacked);
  }

  /**
   * Opens a model of a family that is on the class path.
   *
   * @param folder a Hugging Face model's
   * @param tokenizer its file or folder; null for the model's own
   * @param engine what computes it; stays open when the model closes
   * @param dtype of the weights; those stored in another type are converted
   * @return open; the caller closes it
   * @throws InputException when a file is missing, broken or of an unsupported kind
   */
  public static InferenceModel open(
      Path folder, @Nullable Path tokenizer, Engine engine, DType dtype) {
    return open(ModelRegistry.installed(), folder, List.of(), tokenizer, engine, dtype);
  }

  /**
   * Opens a model for some adapters. One that adds tokens to the model's also brings the tokenizer,
   * for all.
   *
   * @param registry knows the model's family and the adapters' types
   * @param folder a Hugging Face model's
   * @param adapters PEFT adapters' folders; see {@link #with}
   * @param tokenizer its file or folder; null for the model's own, or an adapter's
   * @param engine what computes it; stays open when the model closes
   * @param dtype of the weights; those stored in another type are converted
   * @return open; the caller closes it
   * @throws InputException when a file is missing, broken or of an unsupported kind, or two
   *     adapters bring different tokenizers
   */
  public static InferenceModel open(
      ModelRegistry registry,
      Path folder,
      List<Path> adapters,
      @Nullable Path tokenizer,
      Engine engine,
      DType dtype) {
    Brought added = Brought.of(registry, adapters);
    return open(
        registry,
        new ModelSpec("auto_model", registry, null, null),
        added.to(new HuggingFaceCheckpointer(folder, null, folder)),
        TokenizerSpec.of(tokenizer == null ? added.tokenizer().orElse(folder) : tokenizer),
        folder,
        engine,
        dtype);
  }

  /**
   * Opens what a config names.
   *
   * @param registry knows the adapters' types
   * @param spec a plain model's
   * @param files its {@code adapterCheckpoint} may add tokens; see {@link #with}
   * @param tokenizer opened here, and closed with the model
   * @param engine what computes it; stays open when the model closes
   * @param dtype of the weights; those stored in another type are converted
   * @return open; the caller closes it
   * @throws InputException when a file is missing, broken or of an unsupported kind
   */
  public static InferenceModel open(
      ModelRegistry registry,
      ModelSpec spec,
      HuggingFaceCheckpointer files,
      TokenizerSpec tokenizer,
      Engine engine,
      DType dtype) {
    Path adapter = files.adapterCheckpoint();
    Brought added = Brought.of(registry, adapter == null ? List.of() : List.of(adapter));
    return open(
        registry,
        spec,
        added.to(files.withAdapter(null)),
        tokenizer,
        added.tokenizer().orElse(files.checkpointDir()),
        engine,
        dtype);
  }

  private static InferenceModel open(
      ModelRegistry registry,
      ModelSpec spec,
      HuggingFaceCheckpointer base,
      TokenizerSpec tokenizer,
      Path tokenizerDir,
      Engine engine,
      DType dtype) {
    base.check(spec);
    Tokenizer text = tokenizer.open(tokenizerDir);
    Precision precision = ComputeDType.ofThisMachine().precision(dtype, engine);
    return new InferenceModel(
        registry,
        base.checkpointDir(),
        engine,
        text,
        freeze(base.load(spec, ProcessGroup.alone(engine), precision, true, 0)));
  }

  /** Of the weights as they are packed: in the type that is computed in. */
  private static long bytes(Decoder decoder) {
    int width = decoder.precision().compute().bytes();
    return decoder.parameters().values().stream()
        .mapToLong(p -> p.shape().elements() * width)
        .sum();
  }

  /** Packing copies the weights: worth it where as much memory is free afterwards. */
  static boolean leavesRoom(long weights, OptionalLong free) {
    return free.isEmpty() || free.getAsLong() >= 2 * weights;
  }

  private static Decoder freeze(Decoder decoder) {
    decoder.parameters().values().forEach(p -> p.setTrainable(false));
    return decoder;
  }

  /** {@return where its weights lie} */
  public Path folder() {
    return folder;
  }

  /** {@return what computes it; stays open when the model closes} */
  public Engine engine() {
    return engine;
  }

  /** {@return its tokenizer, which closes with the model} */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** {@return the model itself, without gradients} */
  public Decoder base() {
    return base;
  }

  /**
   * {@return whether it is of use without an adapter: a classifier's head may be the adapters'
   * alone}
   */
  public boolean standsAlone() {
    return base.config().labels().isEmpty()
        || Labels.of(HuggingFaceFolder.config(folder).json()).isPresent();
  }

  /**
   * The model with an adapter, sized as the adapter's config says; the base weights are shared.
   * Kept for the next call.
   *
   * @param adapter a PEFT adapter's folder, or null for the base
   * @return without gradients; the adapter's tensors belong to the scope that is innermost now,
   *     which must outlive the model
   * @throws InputException when the adapter is broken or does not fit
   */
  public Decoder with(@Nullable Path adapter) {
    if (adapter == null) {
      if (!standsAlone()) {
        throw new UsageException(
            "the model in %s is a classifier only with its adapters, which bring the head; leave out --with-base"
                .formatted(folder));
      }
      return base;
    }
    Decoder known = adapted.get(adapter);
    if (known != null) {
      return known;
    }
    SavedAdapter saved = registry.open(adapter);
    if (saved.tokens() > base.config().vocabSize()) {
      throw saved.wrong(
          "it has rows for %d tokens, the model that is open has %d; name the adapter when the model is opened"
              .formatted(saved.tokens(), base.config().vocabSize()));
    }
    Decoder decoder = HuggingFaceCheckpointer.withAdapter(engine, base, saved);
    packed.ifPresent(decoder::setPacked);
    adapted.put(adapter, freeze(decoder));
    return decoder;
  }

  /**
   * {@return what generates with an adapter}
   *
   * @param adapter as in {@link #with}
   * @throws InputException when the adapter is broken or does not fit
   */
  public Generator generator(@Nullable Path adapter) {
    return new Generator(engine, with(adapter), tokenizer);
  }

  /** Closes the tokenizer; tensors close with their scope. */
  @Override
  public void close() {
    tokenizer.close();
  }
}
