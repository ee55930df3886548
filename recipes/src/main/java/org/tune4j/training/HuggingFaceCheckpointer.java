package org.tune4j.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.PeftAdapterConfig;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.ShardPlan;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.models.LoraLinear;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.RopeScaling;
import org.tune4j.nn.Parameter;
import org.tune4j.peft.Adapters;
import org.tune4j.peft.LoraStateDict;
import org.tune4j.peft.Merge;
import org.tune4j.peft.StateDict;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Loads a Hugging Face folder, weights mapped into memory, and writes PEFT adapters and merged
 * models.
 *
 * @param checkpointDir a model's folder
 * @param adapterCheckpoint a PEFT adapter to start from: its folder or its safetensors file
 * @param outputDir where {@code epoch_N} folders are written
 */
public record HuggingFaceCheckpointer(
    Path checkpointDir, @Nullable Path adapterCheckpoint, Path outputDir) {
  @Component(
      value = "hf_checkpointer",
      aliases = {
        "torchtune.training.FullModelHFCheckpointer",
        "torchtune.utils.FullModelHFCheckpointer"
      })
  public static HuggingFaceCheckpointer of(
      @Doc("a Hugging Face model's folder") Path checkpointDir,
      @Doc("accepted for torchtune's configs; the folder's own files are read")
          @Nullable List<String> checkpointFiles,
      @Doc("a PEFT adapter to start from") @Nullable Path adapterCheckpoint,
      @Doc("where epoch_N folders are written") Path outputDir,
      @Doc("accepted for torchtune's configs; config.json decides") @Default("''") String modelType,
      @Doc("resuming is not supported yet") @Nullable Path recipeCheckpoint) {
    if (recipeCheckpoint != null) {
      throw new UsageException(
          "checkpointer.recipe_checkpoint is not supported yet; set it to null");
    }
    return new HuggingFaceCheckpointer(checkpointDir, adapterCheckpoint, outputDir);
  }

  /**
   * Reads and checks what the model and the adapter say of themselves, no weights.
   *
   * @throws InputException when a file is missing or broken
   */
  public void check() {
    HuggingFaceFolder.open(checkpointDir);
    if (adapterCheckpoint != null) {
      PeftAdapter.open(adapterCheckpoint);
    }
  }

  /**
   * The model with its weights: frozen ones mapped where the file has the run's type, adapters from
   * {@link #adapterCheckpoint} or initialised. Tensors belong to the calling thread's innermost
   * scope.
   *
   * @throws InputException when a file is broken, or is another model's
   */
  public Decoder load(ModelSpec spec, Engine engine, DType dtype, long seed) {
    HuggingFaceFolder folder = HuggingFaceFolder.open(checkpointDir);
    ModelSpec sized = spec.config() == null ? spec.withConfig(sizes(folder.config())) : spec;
    Decoder decoder = sized.build(dtype);
    Map<String, Tensor> base = new LinkedHashMap<>();
    folder.weights().forEach((name, w) -> base.put(name, tensor(engine, w.file(), w.entry())));
    LoraStateDict.validateBase(decoder, StateDict.load(decoder, base, false));
    if (adapterCheckpoint == null) {
      Adapters.initialise(engine, decoder, seed);
    } else {
      loadAdapter(engine, decoder, adapterCheckpoint);
    }
    return decoder;
  }

  private static void loadAdapter(Engine engine, Decoder decoder, Path path) {
    PeftAdapter adapter = PeftAdapter.open(path);
    LoraConfig lora = decoder.lora().orElseThrow();
    if (adapter.config().rank() != lora.rank() || adapter.config().alpha() != lora.alpha()) {
      throw new InputException(
          "adapter %s has rank %d and alpha %s, the config asks for rank %d and alpha %s; set lora_rank and lora_alpha to the adapter's"
              .formatted(
                  path,
                  adapter.config().rank(),
                  adapter.config().alpha(),
                  lora.rank(),
                  lora.alpha()));
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    adapter
        .tensors()
        .forEach(
            (name, entry) ->
                tensors.put(
                    name.module() + "." + name.part().suffix(),
                    copy(engine, adapter.file(), entry)));
    try {
      LoraStateDict.validateAdapter(decoder, tensors);
    } catch (InputException e) {
      throw new InputException("adapter %s: %s".formatted(path, e.getMessage()), e);
    }
    StateDict.load(decoder, tensors, false);
  }

  private static DecoderConfig sizes(HuggingFaceConfig c) {
    HuggingFaceConfig.RopeScaling s = c.ropeScaling();
    Integer window = c.slidingWindow();
    return new DecoderConfig(
        c.vocabSize(),
        c.hiddenSize(),
        c.intermediateSize(),
        c.numHiddenLayers(),
        c.numAttentionHeads(),
        c.numKeyValueHeads(),
        c.headDim(),
        c.maxPositionEmbeddings(),
        c.rmsNormEps(),
        c.ropeTheta(),
        s == null
            ? null
            : new RopeScaling(
                s.factor(),
                s.lowFreqFactor(),
                s.highFreqFactor(),
                s.originalMaxPositionEmbeddings()),
        c.tieWordEmbeddings(),
        window == null ? 0 : window);
  }

  /** A tensor over the file's pages; a copy where the file or the backend does not allow that. */
  private static Tensor tensor(Engine engine, Path file, SafetensorsFile.Entry e) {
    boolean maps = engine.backend().capabilities().contains(Capability.MEMORY_MAP);
    return maps && e.aligned() && e.length() > 0
        ? engine.map(file, e.offset(), dtype(file, e), Shape.of(e.dimensions()))
        : copy(engine, file, e);
  }

  private static Tensor copy(Engine engine, Path file, SafetensorsFile.Entry e) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.toIntExact(e.length())).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      long at = e.offset();
      while (bytes.hasRemaining()) {
        int n = in.read(bytes, at);
        if (n < 0) {
          throw new InputException(
              "%s ends inside tensor %s; fetch the file again".formatted(file, e.name()));
        }
        at += n;
      }
    } catch (IOException x) {
      throw new InputException("%s cannot be read: %s".formatted(file, x), x);
    }
    return engine.tensor(bytes.flip(), dtype(file, e), Shape.of(e.dimensions()));
  }

  private static DType dtype(Path file, SafetensorsFile.Entry e) {
    return switch (e.type()) {
      case F64 -> DType.FP64;
      case F32 -> DType.FP32;
      case F16 -> DType.FP16;
      case BF16 -> DType.BF16;
      default ->
          throw new InputException(
              "%s: tensor %s is %s, expected F32, F16 or BF16; convert the checkpoint"
                  .formatted(file, e.name(), e.type()));
    };
  }

  /** Writes the resolved config beside the results. */
  public void saveConfig(String yaml) {
    Path file = outputDir.resolve("config.yaml");
    try {
      Files.createDirectories(outputDir);
      Files.writeString(file, yaml);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another output_dir".formatted(file, e), e);
    }
  }

  /**
   * Writes {@code epoch_N}: the PEFT adapter and, unless left out, the merged model with config and
   * tokenizer files. The folder appears whole or not at all.
   */
  public Path save(Decoder decoder, int epoch, boolean adapterOnly, ShardSize shardSize) {
    Path target = outputDir.resolve("epoch_" + epoch);
    HuggingFaceFolder base = HuggingFaceFolder.open(checkpointDir);
    AtomicFolder.write(
        target,
        folder -> {
          List<StoredTensor> adapter = new ArrayList<>();
          Adapters.parameters(decoder)
              .forEach((name, p) -> adapter.add(stored("base_model.model." + name, p.tensor())));
          SafetensorsWriter.write(folder.resolve(PeftAdapter.FILE), adapter);
          LoraConfig lora = decoder.lora().orElseThrow();
          new PeftAdapterConfig(
                  lora.rank(),
                  lora.alpha(),
                  lora.dropout(),
                  lora.targetModules(),
                  false,
                  checkpointDir.toAbsolutePath().normalize().toString())
              .write(folder);
          if (!adapterOnly) {
            ShardPlan.of(merged(decoder), shardSize).write(folder);
            base.copySideFiles(folder);
            describe(folder.resolve(HuggingFaceFolder.CONFIG), decoder);
          }
        });
    return target;
  }

  private static List<StoredTensor> merged(Decoder decoder) {
    Map<String, LoraLinear> adapted = Adapters.linears(decoder);
    Map<String, Parameter> adapters = Adapters.parameters(decoder);
    Map<String, String> shared = decoder.sharedNames();
    List<StoredTensor> all = new ArrayList<>();
    decoder
        .parameters()
        .forEach(
            (name, p) -> {
              if (!adapters.containsKey(name)) {
                all.add(stored(name, p.tensor()));
              }
            });
    all.removeIf(t -> adapted.containsKey(module(t.name())));
    adapted.forEach(
        (name, lora) -> {
          Tensor w = lora.weight().tensor();
          Engine engine = w.engine();
          all.add(
              new StoredTensor(
                  name + ".weight",
                  type(w.dtype()),
                  shape(w),
                  channel -> {
                    try (TensorScope scope = engine.openScope()) {
                      channel.write(Merge.weight(engine, lora).bytes());
                    }
                  }));
        });
    all.removeIf(t -> shared.containsKey(t.name()) && !adapted.containsKey(module(t.name())));
    return all;
  }

  private static String module(String name) {
    return name.endsWith(".weight") ? name.substring(0, name.length() - ".weight".length()) : name;
  }

  private static StoredTensor stored(String name, Tensor t) {
    return new StoredTensor(name, type(t.dtype()), shape(t), channel -> channel.write(t.bytes()));
  }

  private static List<Long> shape(Tensor t) {
    return java.util.Arrays.stream(t.shape().toArray()).boxed().toList();
  }

  private static SafetensorsType type(DType dtype) {
    return switch (dtype) {
      case FP64 -> SafetensorsType.F64;
      case FP32 -> SafetensorsType.F32;
      case BF16 -> SafetensorsType.BF16;
      case FP16 -> SafetensorsType.F16;
      case INT64 -> SafetensorsType.I64;
      case UINT8 -> SafetensorsType.U8;
    };
  }

  /**
   * Puts the merged weights' type, and a head of its own where merging made one, into config.json.
   */
  private static void describe(Path config, Decoder decoder) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
    String type =
        switch (decoder.dtype()) {
          case FP64 -> "float64";
          case FP32 -> "float32";
          case FP16 -> "float16";
          default -> "bfloat16";
        };
    json.put(json.has("dtype") ? "dtype" : "torch_dtype", type);
    if (Merge.unties(decoder)) {
      json.put("tie_word_embeddings", false);
    }
    Files.writeString(config, mapper.writerWithDefaultPrettyPrinter().writeValueAsString(json));
  }
}
