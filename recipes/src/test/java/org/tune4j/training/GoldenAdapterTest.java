package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.Merge;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.models.Decoder;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.PackedRows;
import org.tune4j.models.PackedWeights;
import org.tune4j.models.Quantisation;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.optim.AdamW;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Every adapter of the test resources' {@code golden/adapters5} against PEFT 0.21.2, and
 * torchtune's DoRA. Its {@code adapter_config.json} is all that says how it is made. A further one
 * is a folder there.
 */
class GoldenAdapterTest {
  private static final Path GOLDEN = Path.of("../models/src/test/resources/golden");

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;

  @TempDir Path out;

  @BeforeEach
  void open() {
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  static List<String> variants() throws IOException {
    List<String> all = new ArrayList<>(List.of("tiny/lora/dora_qv_r8", "tiny/lora/dora_all_r4"));
    try (Stream<Path> folders = Files.list(GOLDEN.resolve("adapters5"))) {
      folders.map(f -> "adapters5/" + f.getFileName()).sorted().forEach(all::add);
    }
    return all;
  }

  static List<String> ofPeft() throws IOException {
    return variants().stream().filter(v -> v.startsWith("adapters5")).toList();
  }

  static List<String> merged() throws IOException {
    return variants().stream()
        .filter(v -> Files.exists(GOLDEN.resolve(v).resolve("merged.safetensors")))
        .toList();
  }

  /** What sums in another order: rows' lengths, experts. */
  private static boolean loose(String variant) {
    return variant.contains("dora") || variant.contains("moe");
  }

  /** Of those that are not adapters of llama2. */
  private static final Map<String, String> BASES =
      Map.of(
          "moe",
          "tiny5/qwen3_moe",
          "nf4",
          "nf4_base",
          "biases",
          "tiny5/llama_biases",
          "tied",
          "tiny/families/llama3_2");

  private static HuggingFaceCheckpointer checkpointer(String variant, String adapter, Path out) {
    String base =
        BASES.entrySet().stream()
            .filter(e -> variant.contains(e.getKey()))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse("tiny/families/llama2");
    return new HuggingFaceCheckpointer(
        GOLDEN.resolve(base),
        adapter.isEmpty() ? null : GOLDEN.resolve(variant).resolve(adapter),
        out);
  }

  private Decoder load(String variant, String adapter) {
    return checkpointer(variant, adapter, out)
        .load(
            AutoModel.lora(ModelRegistry.installed(), LoraArguments.of()),
            ProcessGroup.alone(engine),
            Precision.of(DType.FP32),
            false,
            0);
  }

  private static Map<String, Parameter> trained(Decoder model) {
    Map<String, Parameter> trained = new LinkedHashMap<>(Adapters.parameters(model));
    trained.values().removeIf(p -> !p.trainable());
    return trained;
  }

  private Map<String, Tensor> tensors(String variant, String file) {
    return new GoldenFile(variant, file + ".safetensors").tensors(engine);
  }

  private Map<String, Tensor> forward(String variant) {
    return tensors(variant, "forward");
  }

  private void assertLogits(
      Map<String, Tensor> expected, Map<String, Tensor> ids, Decoder model, float tolerance) {
    Map<String, Tensor> both = new HashMap<>(ids);
    both.put("logits", expected.get("logits"));
    assertArrayEquals(
        TinyModels.unpadValues(both, "logits"),
        model.logits(Pass.evaluation(engine, scope), TinyModels.pack(both)).toFloats(),
        tolerance);
  }

  @ParameterizedTest
  @MethodSource("variants")
  void logits_ofASavedAdapter_arePefts(String variant) {
    Map<String, Tensor> expected = forward(variant);
    assertLogits(
        expected, expected, load(variant, "initial"), variant.contains("moe") ? 5e-5f : 2e-5f);
  }

  @ParameterizedTest
  @MethodSource("variants")
  void lossAndBackward_givesPeftsGradients(String variant) {
    Decoder model = load(variant, "initial");
    Map<String, Tensor> expected = forward(variant);
    PackedRows rows = TinyModels.pack(expected);
    int[] labels = TinyModels.unpad(expected, "labels");
    long n = Arrays.stream(labels).filter(l -> l != Decoder.IGNORED).count();
    Map<String, Tensor> gradients = tensors(variant, "gradients");
    Map<String, String> saved = new TreeMap<>();
    Adapters.savedNames(model).forEach((name, to) -> saved.putIfAbsent(parameter(to), name));
    assertEquals(gradients.size(), trained(model).size());
    for (boolean checkpointed : new boolean[] {false, true}) {
      model.setCheckpointLayers(checkpointed);
      Pass pass = new Pass(engine, scope, true, 1);
      double sum = model.lossAndBackward(pass, rows, labels, Loss.crossEntropy(7)).loss();
      assertEquals(expected.get("loss").toFloats()[0], sum / n, 1e-5);
      Map<Parameter, Tensor> found = pass.gradients();
      Map<String, Parameter> parameters = Adapters.parameters(model);
      gradients.forEach(
          (name, g) -> {
            float[] want = g.toFloats();
            float largest = 0;
            for (float v : want) {
              largest = Math.max(largest, Math.abs(v));
            }
            Parameter p = parameters.get(saved.get(parameter(name)));
            float[] got = found.get(p).div((double) n).toFloats();
            assertArrayEquals(want, got, (loose(variant) ? 1e-4f : 1e-5f) * largest + 1e-9f, name);
          });
    }
  }

  /** A name as the file of a saved adapter has it, of one that PEFT's modules have. */
  private static String parameter(String name) {
    return name.replace("base_model.model.", "")
        .replace(".modules_to_save", "")
        .replaceFirst("magnitude_vector\\.weight$", "magnitude_vector")
        .replace(".original_module", "");
  }

  @ParameterizedTest
  @MethodSource("variants")
  void train_goldenBatches_equalsPeft(String variant) throws IOException {
    Decoder model = load(variant, "initial");
    JsonNode golden =
        new ObjectMapper()
            .readTree(Files.readAllBytes(GOLDEN.resolve(variant).resolve("training.json")));
    JsonNode optimizer = golden.path("optimizer");
    AdamW adamW =
        new AdamW(
            optimizer.path("lr").asDouble(1e-2),
            List.of(0.9, 0.999),
            1e-8,
            0.01,
            true,
            optimizer.path("loraplus_lr_ratio").asDouble(1));
    TrainingTraceTest.train(
        model,
        trained(model),
        adamW,
        1.0,
        2,
        TrainingTraceTest.BATCHES.formatted("qv_r8"),
        golden,
        loose(variant) || variant.contains("nf4") ? 1e-4 : 1e-5);
    if (variant.startsWith("adapters5")) {
      assertLogits(
          tensors(variant, "final_logits"),
          forward(variant),
          model,
          loose(variant) ? 1e-3f : 1e-4f);
    }
  }

  @ParameterizedTest
  @MethodSource("ofPeft")
  void logits_ofWhatPeftTrained_arePefts(String variant) {
    assertLogits(tensors(variant, "final_logits"), forward(variant), load(variant, "final"), 1e-4f);
  }

  /** As generation computes: the weights packed, those of one input as one. */
  @ParameterizedTest
  @MethodSource("ofPeft")
  void logits_overPackedWeights_arePefts(String variant) {
    Decoder base =
        checkpointer(variant, "", out)
            .load(
                AutoModel.base(ModelRegistry.installed()),
                ProcessGroup.alone(engine),
                Precision.of(DType.FP32),
                false,
                0);
    Decoder model =
        HuggingFaceCheckpointer.withAdapter(
            engine, base, ModelRegistry.installed().open(GOLDEN.resolve(variant).resolve("final")));
    try (Engine.NoGradient off = engine.noGradient()) {
      PackedWeights.of(engine, base).ifPresent(model::setPacked);
      assertLogits(tensors(variant, "final_logits"), forward(variant), model, 1e-4f);
    }
  }

  @ParameterizedTest
  @MethodSource("merged")
  void merge_ofWhatPeftTrained_givesPeftsWeights(String variant) {
    Decoder model = load(variant, "final");
    Map<String, Parameter> parameters = model.parameters();
    Map<String, String> shared = model.sharedNames();
    tensors(variant, "merged")
        .forEach(
            (name, expected) -> {
              Tensor base = parameters.get(shared.getOrDefault(name, name)).tensor();
              Tensor own =
                  Merge.changing(Adapters.of(model), name)
                      .map(c -> Merge.of(engine, c.getValue(), c.getKey(), base))
                      .orElse(base);
              assertArrayEquals(
                  expected.toFloats(), own.toFloats(), loose(variant) ? 2e-6f : 1e-6f, name);
            });
  }

  @ParameterizedTest
  @MethodSource("ofPeft")
  void save_ofALoadedAdapter_writesWhatPeftWrote(String variant) throws IOException {
    Decoder model = load(variant, "initial");
    HuggingFaceCheckpointer files = checkpointer(variant, "", out);
    Path written = files.writer().saveAdapter(model, "epoch_0", true, ShardSize.DEFAULT);
    Path golden = GOLDEN.resolve(variant).resolve("initial");
    assertEquals(values(golden), values(written));
    JsonNode want = config(golden);
    JsonNode got = config(written);
    for (String field :
        List.of(
            "r",
            "lora_alpha",
            "use_dora",
            "use_rslora",
            "init_lora_weights",
            "modules_to_save",
            "trainable_token_indices",
            "target_parameters",
            "ensure_weight_tying",
            "peft_type",
            "feedforward_modules",
            "rank_pattern",
            "alpha_pattern")) {
      assertEquals(shown(want.path(field)), shown(got.path(field)), field);
    }
  }

  /** What says nothing is nothing. */
  private static String shown(JsonNode value) {
    boolean off = value.isNull() || value.isMissingNode() || value.toString().equals("false");
    return off ? "" : value.toString();
  }

  private static JsonNode config(Path folder) throws IOException {
    return new ObjectMapper().readTree(Files.readAllBytes(folder.resolve(PeftAdapter.CONFIG)));
  }

  /** The bytes of an adapter's tensors by name. */
  private static Map<String, String> values(Path folder) throws IOException {
    byte[] file = Files.readAllBytes(folder.resolve(PeftAdapter.FILE));
    Map<String, String> all = new TreeMap<>();
    PeftAdapter.open(folder)
        .tensors()
        .forEach(
            (name, e) -> {
              int from = Math.toIntExact(e.offset());
              int to = Math.toIntExact(e.offset() + e.length());
              all.put(name, e.shape() + HexFormat.of().formatHex(file, from, to));
            });
    return all;
  }

  @ParameterizedTest
  @MethodSource("ofPeft")
  void lossAndBackward_inBf16_keepsFp32Adapters(String variant) {
    assumeTrue(engine.backend().dtypes().contains(DType.BF16));
    Decoder model =
        checkpointer(variant, "initial", out)
            .load(
                AutoModel.lora(ModelRegistry.installed(), LoraArguments.of()),
                ProcessGroup.alone(engine),
                new Precision(DType.BF16, DType.BF16, DType.FP32),
                false,
                0);
    Map<String, Tensor> expected = forward(variant);
    int[] labels = TinyModels.unpad(expected, "labels");
    long n = Arrays.stream(labels).filter(l -> l != Decoder.IGNORED).count();
    Pass pass = new Pass(engine, scope, true, 1);
    double sum =
        model.lossAndBackward(pass, TinyModels.pack(expected), labels, Loss.crossEntropy(7)).loss();
    assertEquals(expected.get("loss").toFloats()[0], sum / n, 0.05);
    Map<Parameter, Tensor> found = pass.gradients();
    Adapters.parameters(model)
        .forEach(
            (name, p) -> {
              assertEquals(DType.FP32, p.dtype(), name);
              if (p.trainable()) {
                assertEquals(DType.FP32, found.get(p).dtype(), name);
              }
            });
  }

  @ParameterizedTest
  @MethodSource("ofPeft")
  void initialise_ofAFreshAdapter_computesWhatTheBaseDoes(String variant) {
    HuggingFaceCheckpointer files = checkpointer(variant, "", out);
    ModelRegistry registry = ModelRegistry.installed();
    ModelSpec base = AutoModel.base(registry);
    ProcessGroup alone = ProcessGroup.alone(engine);
    Precision fp32 = Precision.of(DType.FP32);
    AdapterConfig config = registry.open(GOLDEN.resolve(variant).resolve("initial")).config();
    PackedRows rows = TinyModels.pack(forward(variant));
    float[] plain =
        files
            .load(base, alone, fp32, false, 0)
            .logits(Pass.evaluation(engine, scope), rows)
            .toFloats();
    Decoder fresh = files.load(base.withAdapter(config), alone, fp32, false, 0);
    assertArrayEquals(plain, fresh.logits(Pass.evaluation(engine, scope), rows).toFloats(), 2e-5f);
    assertArrayEquals(plain, fresh.logits(Pass.baseOnly(engine, scope), rows).toFloats(), 0f);
  }

  /** The run's checkpoints stay as they are trained; what is finished fits the whole base. */
  @ParameterizedTest
  @ValueSource(strings = {"adapters5/pissa_qv_r4", "adapters5/olora_qv_r4"})
  void save_asLora_isOfTwiceTheRankAndTheSame(String variant) throws IOException {
    LoraArguments asked =
        new LoraArguments(
            new LoraTargets(null, false, false, List.of("q_proj", "v_proj"), null, null),
            4,
            4,
            0,
            null,
            null,
            false,
            Quantisation.NONE,
            false,
            false,
            variant.contains("pissa") ? "pissa" : "olora",
            true,
            LoraArguments.Beside.NOTHING);
    Decoder model =
        checkpointer(variant, "final", out)
            .load(
                AutoModel.lora(ModelRegistry.installed(), asked),
                ProcessGroup.alone(engine),
                Precision.of(DType.FP32),
                false,
                0);
    HuggingFaceCheckpointer files = checkpointer(variant, "", out);
    Path saved = files.writer().saveAdapter(model, "epoch_0", true, ShardSize.DEFAULT);
    JsonNode config = config(saved);
    assertEquals(
        List.of(8, 8, true),
        List.of(
            config.get("r").asInt(),
            config.get("lora_alpha").asInt(),
            config.get("init_lora_weights").asBoolean()));
    Decoder read =
        files
            .withAdapter(saved)
            .load(
                AutoModel.lora(ModelRegistry.installed(), LoraArguments.of()),
                ProcessGroup.alone(engine),
                Precision.of(DType.FP32),
                false,
                0);
    assertLogits(tensors(variant, "final_logits"), forward(variant), read, 1e-4f);
  }
}
