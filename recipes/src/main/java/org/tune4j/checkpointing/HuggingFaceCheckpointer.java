package org.tune4j.checkpointing;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tokenizers.TokenizerSpec;

/**
 * Loads a Hugging Face folder, weights mapped into memory; its {@link #writer} writes adapters and
 * models. The folder's headers are read once, when something first needs them. Immutable.
 */
public final class HuggingFaceCheckpointer {
  private final CheckpointFiles files;
  private final @Nullable Path adapterCheckpoint;
  private final Path outputDir;
  private final Additions additions;
  private final AtomicReference<@Nullable HuggingFaceFolder> opened;

  /**
   * One that loads the folder's own weights.
   *
   * @param checkpointDir a model's folder
   * @param adapterCheckpoint a PEFT adapter to start from: its folder or its safetensors file; null
   *     for none
   * @param outputDir where {@code epoch_N} folders are written
   */
  public HuggingFaceCheckpointer(
      Path checkpointDir, @Nullable Path adapterCheckpoint, Path outputDir) {
    this(new CheckpointFiles(checkpointDir, List.of()), adapterCheckpoint, outputDir);
  }

  private HuggingFaceCheckpointer(
      CheckpointFiles files, @Nullable Path adapterCheckpoint, Path outputDir) {
    this(files, adapterCheckpoint, outputDir, Additions.NONE, new AtomicReference<>());
  }

  private HuggingFaceCheckpointer(
      CheckpointFiles files,
      @Nullable Path adapterCheckpoint,
      Path outputDir,
      Additions additions,
      AtomicReference<@Nullable HuggingFaceFolder> opened) {
    this.files = files;
    this.adapterCheckpoint = adapterCheckpoint;
    this.outputDir = outputDir;
    this.additions = additions;
    this.opened = opened;
  }

  /**
   * {@return one for these folders, of which nothing is read yet}
   *
   * @param checkpointDir a model's folder; null for the folder of {@code checkpointFiles}
   * @param checkpointFiles the files that weights are loaded from, and no others: a list of paths
   *     from the folder, or torchtune's {@code filename_format} and {@code max_filename}; null for
   *     the folder's own
   * @param adapterCheckpoint a PEFT adapter to start from: its folder or its safetensors file; null
   *     for none
   * @param outputDir where {@code epoch_N} folders are written
   * @param modelType torchtune's; {@code config.json} decides
   * @param recipeCheckpoint torchtune's; the newest checkpoint of {@code output_dir} is found
   * @param safeSerialization torchtune's; weights are written as safetensors
   * @throws UsageException when {@code safeSerialization} is false, or {@code checkpointFiles} are
   *     no files of weights of one folder
   */
  @Component(
      value = "hf_checkpointer",
      aliases = {
        "torchtune.training.FullModelHFCheckpointer",
        "torchtune.training.FullModelMetaCheckpointer",
        "torchtune.utils.FullModelHFCheckpointer"
      })
  public static HuggingFaceCheckpointer of(
      @Doc("a model's folder, or its .gguf file; null for the folder of checkpoint_files")
          @Nullable Path checkpointDir,
      @Doc(
              "the files of weights to load: paths relative to checkpoint_dir, or"
                  + " torchtune's filename_format and max_filename; null for the folder's own")
          @Nullable Object checkpointFiles,
      @Doc("a PEFT adapter to start from") @Nullable Path adapterCheckpoint,
      @Doc("where epoch_N folders are written") Path outputDir,
      @Doc("accepted for torchtune's configs; config.json decides") @Default("''") String modelType,
      @Doc("accepted for torchtune's configs; the newest checkpoint of output_dir is found")
          @Nullable Path recipeCheckpoint,
      @Doc("accepted for torchtune's configs; weights are written as safetensors") @Default("true")
          boolean safeSerialization) {
    if (!safeSerialization) {
      throw new UsageException(
          "checkpointer.safe_serialization is false, weights are only written as safetensors; set"
              + " it to true");
    }
    CheckpointFiles files = CheckpointFiles.of(checkpointDir, checkpointFiles);
    return new HuggingFaceCheckpointer(files, adapterCheckpoint, outputDir);
  }

  /** {@return the model's folder} */
  public Path checkpointDir() {
    return files.folder();
  }

  /** {@return the PEFT adapter to start from; null for none} */
  public @Nullable Path adapterCheckpoint() {
    return adapterCheckpoint;
  }

  /** {@return where {@code epoch_N} folders are written} */
  public Path outputDir() {
    return outputDir;
  }

  /** {@return what writes adapters and models of this checkpoint into {@link #outputDir}} */
  public ModelWriter writer() {
    return new ModelWriter(this, null);
  }

  /**
   * {@return the same, but starting from this PEFT adapter}
   *
   * @param adapter its folder or its safetensors file; null for none
   */
  public HuggingFaceCheckpointer withAdapter(@Nullable Path adapter) {
    return new HuggingFaceCheckpointer(files, adapter, outputDir, additions, opened);
  }

  /**
   * {@return the same, but of a model with the tokens that a tokenizer adds: an adapter trains
   * their rows, and what is written has the tokenizer beside it}
   *
   * @param tokenizer of the run
   */
  public HuggingFaceCheckpointer withTokenizer(TokenizerSpec tokenizer) {
    return tokenizer.addedTokens().isEmpty() ? this : with(additions.withTokenizer(tokenizer));
  }

  /**
   * {@return the same, but as {@link HuggingFaceFolder#withVocabulary} has the model}
   *
   * @param tokens that the model has at least
   */
  public HuggingFaceCheckpointer withVocabulary(int tokens) {
    return with(additions.withRows(tokens));
  }

  /**
   * {@return the same, but as {@link HuggingFaceFolder#withLabels} has the model}
   *
   * @param labels of a classifier; none for the model's own head
   * @param seed of a head that the model lacks
   */
  public HuggingFaceCheckpointer withLabels(List<String> labels, long seed) {
    return with(additions.withLabels(labels, seed));
  }

  private HuggingFaceCheckpointer with(Additions other) {
    return new HuggingFaceCheckpointer(
        files, adapterCheckpoint, outputDir, other, new AtomicReference<>());
  }

  Additions additions() {
    return additions;
  }

  /** {@return what {@code config.json} says, with what is added; without weights too} */
  public HuggingFaceConfig config() {
    return additions.config(files.folder());
  }

  /**
   * {@return what a user should know before a run, a line each}
   *
   * @throws InputException when a file is broken
   */
  public List<String> warnings() {
    List<Path> foreign = folder().foreignFiles();
    return foreign.isEmpty()
        ? List.of()
        : List.of(
            "warning: merged models will lack %s of %s, which are links to other folders; put the files there"
                .formatted(foreign.stream().map(Path::getFileName).toList(), files.folder()));
  }

  /** {@return what is loaded: the config and the weights' headers, as first needed} */
  public HuggingFaceFolder folder() {
    HuggingFaceFolder folder = opened.get();
    if (folder == null) {
      folder = additions.open(files.folder(), files.names());
      opened.set(folder);
    }
    return folder;
  }

  /**
   * {@return what is loaded from a folder}
   *
   * @param weights {@link #checkpointDir}, or a full checkpoint of the run
   * @throws InputException when a file is broken
   */
  public HuggingFaceFolder folder(Path weights) {
    return weights.equals(files.folder()) ? folder() : HuggingFaceFolder.open(weights);
  }

  /**
   * Reads and checks what the model and the adapter say of themselves, and compares the weights'
   * names and shapes with the model's.
   *
   * @param spec the model that the config names
   * @throws InputException when a file is missing or broken, or is another model's
   */
  public void check(ModelSpec spec) {
    unloaded(spec, folder(), Precision.of(DType.FP32));
  }

  /**
   * {@return a SHA-256 of the model's sizes and weights, of large ones by samples; their place and
   * their division into files do not count}
   *
   * @param spec the model that the config names
   * @throws InputException when a file is broken
   */
  public String fingerprint(ModelSpec spec) {
    HuggingFaceFolder folder = folder();
    ModelConfig config = spec.reader().read(folder.config().json());
    return WeightsFingerprint.of(folder, config.facts().toString());
  }

  /**
   * The model with its weights: frozen ones mapped where the file has the run's type or they are
   * quantised, adapters from {@link #adapterCheckpoint} or initialised. Tensors belong to the
   * calling thread's innermost scope; ranks and runs of one process share the frozen ones.
   *
   * @param spec the model that the config names, with adapters or without
   * @param ranks of the run; all of them load
   * @param precision of frozen weights, which are converted where they have another type, and of
   *     adapters and activations
   * @param mapped false to read frozen weights into memory
   * @param seed of the initial adapters, the same on all ranks
   * @return ready for forward
   * @throws InputException when a file is broken, or is another model's
   */
  public Decoder load(
      ModelSpec spec, ProcessGroup ranks, Precision precision, boolean mapped, long seed) {
    Engine engine = ranks.engine();
    HuggingFaceFolder folder = folder();
    Decoder decoder = unloaded(spec, folder, precision);
    Map<String, Tensor> base =
        BaseWeights.shared(
            ranks, folder, spec.quantisation().of(decoder), precision.stored(), mapped);
    StateDict.load(decoder, base, false);
    giveAdapters(engine, decoder, seed, base::get);
    return decoder;
  }

  /**
   * The model with weights of its own, all to be trained. Tensors belong to the calling thread's
   * innermost scope.
   *
   * @param spec the model that the config names, without adapters
   * @param weights a Hugging Face folder: {@link #checkpointDir}, or a checkpoint of the run
   * @param engine that holds the tensors
   * @param dtype of the weights; those stored in another type are converted
   * @return ready for forward
   * @throws InputException when a file is broken, or is another model's
   */
  public Decoder loadTrainable(ModelSpec spec, Path weights, Engine engine, DType dtype) {
    HuggingFaceFolder folder = folder(weights);
    Decoder decoder = unloaded(spec, folder, Precision.of(dtype));
    StateDict.load(
        decoder, BaseWeights.read(folder.weights(), engine, dtype, TensorFiles::read), false);
    return decoder;
  }

  /**
   * {@return the model that a folder's weights fit by name and shape, without storage}
   *
   * @param spec the model that the config names, with adapters or without
   * @param folder of the weights
   * @param precision of frozen weights, and of adapters and activations
   * @throws InputException when a file is broken, or is another model's
   */
  public Decoder unloaded(ModelSpec spec, HuggingFaceFolder folder, Precision precision) {
    Decoder decoder = sized(spec, folder).build(precision);
    BaseWeights.match(decoder, folder);
    return decoder;
  }

  /**
   * Gives the adapters the values of {@link #adapterCheckpoint}, or their initial ones; they belong
   * to the calling thread's innermost scope.
   *
   * @param engine that holds the tensors
   * @param decoder with adapters, or without
   * @param seed of the initial values, the same on all ranks
   * @param base a weight's values by full name, in any type
   * @throws InputException when the adapter is broken, or another model's
   */
  public void giveAdapters(
      Engine engine, Decoder decoder, long seed, Function<String, @Nullable Tensor> base) {
    AdapterConfig config = decoder.adapter().orElse(null);
    if (config == null || adapterCheckpoint == null) {
      Adapters.initialise(engine, decoder, seed, base);
    } else {
      AdapterCheckpoint adapter = new AdapterCheckpoint(config.type().open(adapterCheckpoint));
      adapter.requireBase(engine, decoder, base);
      adapter.load(engine, decoder, base);
    }
  }

  /**
   * {@return a folder's weights by full name, mapped where the files have this type}
   *
   * @param folder of the weights
   * @param engine that holds the tensors
   * @param dtype of the weights; those stored in another type are converted
   */
  public static Map<String, Tensor> mapped(HuggingFaceFolder folder, Engine engine, DType dtype) {
    return BaseWeights.read(folder.weights(), engine, dtype, TensorFiles::map);
  }

  /**
   * {@return a model of these sizes with the adapters that training begins with: those of {@link
   * #adapterCheckpoint}, layer by layer, else what the config asks for}
   *
   * @param spec the model that the config names
   * @param config the checkpoint's
   * @throws UsageException when the model that the config names has other sizes
   * @throws InputException when the adapter is broken, or not what the config asks for
   */
  public ModelSpec adapted(ModelSpec spec, ModelConfig config) {
    ModelSpec sized = spec.withConfig(config);
    if (sized.adapter() == null) {
      return sized;
    }
    Additions.requireSameHead(config.sizes(), adapterCheckpoint);
    AdapterConfig own = sized.adapter();
    AdapterConfig asked = additions.trainedBy(own, config.sizes(), files.folder());
    return sized.withAdapter(
        adapterCheckpoint == null
            ? asked
            : asked.resume(adapterCheckpoint, config.build(DType.FP32)));
  }

  private ModelSpec sized(ModelSpec spec, HuggingFaceFolder folder) {
    try {
      return adapted(spec, spec.reader().read(folder.config().json()));
    } catch (UsageException e) {
      throw new InputException(
          "%s: %s".formatted(folder.path().resolve(HuggingFaceFolder.CONFIG), e.getMessage()), e);
    }
  }

  /**
   * {@return a model over the weights of another with a saved adapter, and with the base weights
   * that were saved along where they are not the model's own; the adapter's tensors belong to the
   * calling thread's innermost scope}
   *
   * @param engine that holds the tensors
   * @param base without adapters; shares its weights
   * @param adapter read from its folder
   * @throws InputException when a file is broken, or the adapter does not fit
   */
  public static Decoder withAdapter(Engine engine, Decoder base, SavedAdapter adapter) {
    AdapterCheckpoint from = new AdapterCheckpoint(adapter);
    Decoder decoder = from.adapted(base.model(), base.precision());
    Map<String, Tensor> weights = StateDict.of(base);
    StateDict.load(decoder, weights, false);
    from.load(engine, decoder, weights::get);
    StateDict.load(decoder, from.replaced(engine, decoder, weights::get), false);
    return decoder;
  }
}
