package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.Merge;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** What a decoder computes, against PyTorch's values, on the engine that a subclass gives. */
abstract class DecoderContract {
  private Engine engine;
  private TensorScope scope;

  abstract Engine engine();

  @BeforeEach
  void open() {
    engine = engine();
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "llama3_2", "mistral"})
  void logits_ofAFamily_areHuggingFaces(String family) {
    Decoder model = TinyModels.family(engine, family);
    Map<String, Tensor> expected =
        new GoldenFile("families/" + family + "/expected.safetensors").tensors(engine);
    Tensor logits = model.logits(Pass.evaluation(engine, scope), TinyModels.pack(expected));
    assertArrayEquals(TinyModels.unpadValues(expected, "logits"), logits.toFloats(), 2e-5f);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void logits_withLora_areTorchtunes(String variant) {
    Decoder model = TinyModels.lora(engine, variant);
    Map<String, Tensor> expected =
        new GoldenFile("lora/" + variant + "/forward.safetensors").tensors(engine);
    Tensor logits = model.logits(Pass.evaluation(engine, scope), TinyModels.pack(expected));
    assertArrayEquals(TinyModels.unpadValues(expected, "logits"), logits.toFloats(), 2e-5f);
  }

  @ParameterizedTest
  @CsvSource({
    "qv_r8, 1000, false",
    "qv_r8, 7, false",
    "qv_r8, 7, true",
    "all_r4, 1000, false",
    "all_r4, 5, false",
    "all_r4, 5, true"
  })
  void lossAndBackward_withLora_givesTorchtunesLossAndGradients(
      String variant, int chunk, boolean checkpoint) {
    Decoder model = TinyModels.lora(engine, variant).setCheckpointLayers(checkpoint);
    Map<String, Tensor> forward =
        new GoldenFile("lora/" + variant + "/forward.safetensors").tensors(engine);
    int[] labels = TinyModels.unpad(forward, "labels");
    long n = Arrays.stream(labels).filter(l -> l != Decoder.IGNORED).count();
    Pass pass = new Pass(engine, scope, true, 1);
    double sum =
        model
            .lossAndBackward(pass, TinyModels.pack(forward), labels, Loss.crossEntropy(chunk))
            .loss();
    assertEquals(forward.get("loss").item(), sum / n, 1e-5);
    Map<String, Tensor> expected =
        new GoldenFile("lora/" + variant + "/gradients.safetensors").tensors(engine);
    Map<Parameter, Tensor> found = pass.gradients();
    Map<String, Parameter> adapters = Adapters.parameters(model);
    assertEquals(expected.keySet(), adapters.keySet());
    assertEquals(expected.size(), found.size());
    expected.forEach(
        (name, g) -> {
          float[] want = g.toFloats();
          float largest = 0;
          for (float v : want) {
            largest = Math.max(largest, Math.abs(v));
          }
          float[] got = found.get(adapters.get(name)).div((double) n).toFloats();
          assertArrayEquals(want, got, 1e-5f * largest, name);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void checkpointing_givesTheSameBits(String variant) {
    LoraConfig plain = variant.equals("qv_r8") ? TinyModels.QV_R8 : TinyModels.ALL_R4;
    LoraConfig lora =
        new LoraConfig(
            plain.targets(), plain.rank(), plain.alpha(), 0.1, false, Map.of(), Map.of());
    Decoder model = TinyModels.adapted("llama2", lora, DType.FP32);
    Decoder source = TinyModels.lora(engine, variant);
    model.parameters().forEach((name, p) -> p.set(source.parameters().get(name).tensor()));
    Map<String, float[]> without = gradients(model);
    Map<String, float[]> with = gradients(model.setCheckpointLayers(true));
    assertEquals(without.keySet(), with.keySet());
    without.forEach((name, g) -> assertArrayEquals(g, with.get(name), 0f, name));
  }

  @Test
  void checkpointing_ofAPlainTiedModel_givesTheSameGradients() {
    Decoder model = TinyModels.family(engine, "llama3_2");
    Map<String, float[]> without = gradients(model);
    Map<String, float[]> with = gradients(model.setCheckpointLayers(true));
    assertEquals(model.parameters().keySet(), with.keySet());
    without.forEach((name, g) -> assertArrayEquals(g, with.get(name), 1e-4f, name));
  }

  /** Layers are handed on from the last to the first, each before the one below is computed. */
  @ParameterizedTest
  @CsvSource({"llama2, true", "llama3_2, true", "llama2, false", "llama3_2, false"})
  void streaming_givesTheSameBits_layerByLayer(String family, boolean all) {
    Decoder model = all ? TinyModels.family(engine, family) : TinyModels.lora(engine, "all_r4");
    Map<String, float[]> collected = gradients(model);
    Map<String, float[]> taken = new LinkedHashMap<>();
    List<Integer> layers = new ArrayList<>();
    Map<String, Tensor> forward = new GoldenFile("lora/qv_r8/forward.safetensors").tensors(engine);
    Pass pass =
        Pass.streaming(
            engine,
            scope,
            7,
            new Pass.GradientSink() {
              @Override
              public void loss(double sum) {
                assertTrue(taken.isEmpty());
              }

              @Override
              public void take(Parameter parameter, Tensor gradient) {
                model
                    .parameters()
                    .forEach(
                        (name, p) -> {
                          if (p == parameter) {
                            taken.put(name, gradient.toFloats());
                            if (name.startsWith("model.layers.")) {
                              layers.add(Integer.parseInt(name.split("\\.")[2]));
                            }
                          }
                        });
              }
            });
    double loss = lossAndBackward(model, pass, forward);
    assertTrue(loss > 0);
    assertEquals(List.of(2, 1, 0), layers.stream().distinct().toList());
    assertEquals(collected.keySet(), new LinkedHashSet<>(taken.keySet()));
    collected.forEach((name, g) -> assertArrayEquals(g, taken.get(name), 0f, name));
  }

  private static double lossAndBackward(Decoder model, Pass pass, Map<String, Tensor> forward) {
    int[] labels = TinyModels.unpad(forward, "labels");
    return model
        .lossAndBackward(pass, TinyModels.pack(forward), labels, Loss.crossEntropy(9))
        .loss();
  }

  private Map<String, float[]> gradients(Decoder model) {
    Map<String, Tensor> forward = new GoldenFile("lora/qv_r8/forward.safetensors").tensors(engine);
    Pass pass = new Pass(engine, scope, true, 7);
    double loss = lossAndBackward(model, pass, forward);
    Map<Parameter, Tensor> found = pass.gradients();
    Map<String, float[]> all = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (found.containsKey(p)) {
                all.put(name, found.get(p).toFloats());
              }
            });
    assertTrue(loss > 0);
    return all;
  }

  @Test
  void lossAndBackward_inBf16_isCloseToFp32() {
    assumeTrue(engine.backend().dtypes().contains(DType.BF16), "the backend has no bf16");
    Decoder wide = TinyModels.lora(engine, "all_r4");
    Decoder model = TinyModels.adapted("llama2", TinyModels.ALL_R4, DType.BF16);
    StateDict.load(model, StateDict.of(wide), true);
    Pass pass = new Pass(engine, scope, true, 1);
    PackedRows rows = PackedRows.of(5, 6, 7, 8, 9);
    int[] labels = {6, 7, 8, 9, -100};
    double expected =
        wide.lossAndBackward(new Pass(engine, scope, true, 1), rows, labels, Loss.crossEntropy(8))
            .loss();
    assertEquals(
        expected,
        model.lossAndBackward(pass, rows, labels, Loss.crossEntropy(8)).loss(),
        0.05 * expected);
    assertTrue(pass.gradients().values().stream().allMatch(g -> g.dtype() == DType.BF16));
  }

  @Test
  void lossAndBackward_fromSeveralThreads_givesEachPassItsOwnGradients() throws Exception {
    Decoder model = TinyModels.lora(engine, "all_r4");
    Map<String, float[]> expected = gradients(model);
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      List<Future<Map<String, float[]>>> runs =
          List.of(pool.submit(() -> inScope(model)), pool.submit(() -> inScope(model)));
      for (Future<Map<String, float[]>> run : runs) {
        Map<String, float[]> found = run.get();
        expected.forEach((name, g) -> assertArrayEquals(g, found.get(name), 1e-4f, name));
      }
    } finally {
      pool.shutdown();
    }
  }

  private Map<String, float[]> inScope(Decoder model) {
    try (TensorScope own = engine.openScope()) {
      return gradients(model);
    }
  }

  @Test
  void lossAndBackward_releasesAllButLeavesAndGradients() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    for (boolean checkpoint : new boolean[] {false, true}) {
      model.setCheckpointLayers(checkpoint);
      try (TensorScope own = engine.openScope()) {
        Pass pass = new Pass(engine, own, true, 1);
        model.lossAndBackward(
            pass, PackedRows.of(5, 6, 7), new int[] {6, 7, -100}, Loss.crossEntropy(2));
        assertEquals(12, own.size(), "checkpoint " + checkpoint);
      }
    }
  }

  @Test
  void lossAndBackward_withoutRecording_isTheLossAlone() {
    Decoder model = TinyModels.lora(engine, "qv_r8").setCheckpointLayers(true);
    Map<String, Tensor> forward = new GoldenFile("lora/qv_r8/forward.safetensors").tensors(engine);
    Pass pass = Pass.evaluation(engine, scope);
    int[] labels = TinyModels.unpad(forward, "labels");
    try (Engine.NoGradient off = engine.noGradient()) {
      double sum =
          model
              .lossAndBackward(pass, TinyModels.pack(forward), labels, Loss.crossEntropy(64))
              .loss();
      long n = Arrays.stream(labels).filter(l -> l != Decoder.IGNORED).count();
      assertEquals(forward.get("loss").item(), sum / n, 1e-5);
    }
    assertTrue(pass.gradients().isEmpty());
  }

  @Test
  void lossAndBackward_allIgnored_isZeroWithoutGradients() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    Pass pass = new Pass(engine, scope, true, 1);
    assertEquals(
        0,
        model
            .lossAndBackward(
                pass, PackedRows.of(1, 2), new int[] {-100, -100}, Loss.crossEntropy(8))
            .loss());
    assertTrue(pass.gradients().isEmpty());
  }

  @Test
  void lossAndBackward_onlyTopLayerTrained_givesOnlyItsGradients() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    model
        .parameters()
        .forEach((name, p) -> p.setTrainable(name.contains("layers.2") && name.contains("lora")));
    for (boolean checkpoint : new boolean[] {false, true}) {
      Pass pass = new Pass(engine, scope, true, 1);
      model
          .setCheckpointLayers(checkpoint)
          .lossAndBackward(
              pass, PackedRows.of(5, 6, 7), new int[] {6, 7, -100}, Loss.crossEntropy(2));
      assertEquals(4, pass.gradients().size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void merge_ofAnAdapter_givesTorchtunesWeights(String variant) {
    Decoder model = TinyModels.lora(engine, variant);
    Decoder tuned = TinyModels.adapted("llama2", model.adapter().orElseThrow(), DType.FP32);
    Map<String, Tensor> all = new GoldenFile("families/llama2/model.safetensors").tensors(engine);
    all.putAll(new GoldenFile("lora/" + variant + "/final_adapter.safetensors").tensors(engine));
    StateDict.load(tuned, all, true);
    Map<String, Tensor> expected =
        new GoldenFile("lora/" + variant + "/merged.safetensors").tensors(engine);
    Map<String, float[]> merged = new LinkedHashMap<>();
    Map<String, Adapter> adapters = Adapters.of(tuned);
    tuned
        .parameters()
        .forEach(
            (name, p) -> {
              Adapter adapter = adapters.get(name.replaceFirst("\\.weight$", ""));
              if (adapter != null) {
                merged.put(name, Merge.of(engine, adapter, "weight", p.tensor()).toFloats());
              } else if (!name.contains(".lora_")) {
                merged.put(name, p.tensor().toFloats());
              }
            });
    assertEquals(expected.keySet(), new TreeSet<>(merged.keySet()));
    expected.forEach((name, t) -> assertArrayEquals(t.toFloats(), merged.get(name), 1e-6f, name));
  }

  @Test
  void logits_ofABaseOnlyPass_areTheBases() {
    Decoder lora = TinyModels.lora(engine, "all_r4");
    Decoder base = TinyModels.family(engine, "llama2");
    Pass pass = Pass.evaluation(engine, scope);
    PackedRows rows = PackedRows.of(4, 8, 15, 16, 23, 42);
    float[] adapted = lora.logits(pass, rows).toFloats();
    assertArrayEquals(
        base.logits(pass, rows).toFloats(),
        lora.logits(Pass.baseOnly(engine, scope), rows).toFloats(),
        0f);
    assertArrayEquals(adapted, lora.logits(pass, rows).toFloats(), 0f);
  }

  @Test
  void initialise_ofFreshAdapters_computesWhatTheBaseDoes() {
    Decoder base = TinyModels.family(engine, "llama3_2");
    Decoder lora = TinyModels.adapted("llama3_2", TinyModels.ALL_R4, DType.FP32);
    base.parameters().forEach((name, p) -> lora.parameters().get(name).set(p.tensor()));
    Adapters.initialise(engine, lora, 42);
    Pass pass = Pass.evaluation(engine, scope);
    PackedRows rows = PackedRows.of(4, 8, 15, 16, 23, 42);
    assertArrayEquals(
        base.logits(pass, rows).toFloats(), lora.logits(pass, rows).toFloats(), 1e-5f);
    assertTrue(Merge.unties(lora));
    float[] a = Adapters.parameters(lora).get("lm_head.lora_A.weight").tensor().toFloats();
    for (float v : a) {
      assertTrue(Math.abs(v) <= 1 / 8f);
    }
  }

  @Test
  void logits_ofBadRows_areRefusedInWords() {
    Decoder model = TinyModels.family(engine, "llama2");
    Pass pass = Pass.evaluation(engine, scope);
    UsageException id =
        assertThrows(UsageException.class, () -> model.logits(pass, PackedRows.of(1, 320)));
    assertEquals(
        "token 1 has id 320, the model's vocabulary has 320; the tokenizer belongs to another model",
        id.getMessage());
    UsageException length =
        assertThrows(UsageException.class, () -> model.logits(pass, PackedRows.of(new int[257])));
    assertEquals(
        "a row has 257 tokens, the model takes 256; set tokenizer.max_seq_len",
        length.getMessage());
  }
}
