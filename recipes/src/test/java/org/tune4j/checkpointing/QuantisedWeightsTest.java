package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.Quantisation;
import org.tune4j.models.TestBackend;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;

/** A model that is quantised while it is loaded, and what becomes of its adapters. */
class QuantisedWeightsTest {
  private static final Path GOLDEN = Path.of("../models/src/test/resources/golden");
  private static final Path BASE = GOLDEN.resolve("nf4_base");
  private static final Path PLAIN = GOLDEN.resolve("tiny/families/llama2");

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;

  @TempDir Path dir;

  @BeforeEach
  void open() {
    scope = engine.openScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Decoder load(Path model, Object base, boolean embeddings) {
    ModelSpec spec =
        AutoModel.lora(
            ModelRegistry.installed(), LoraArguments.of(AttnModule.Q_PROJ, AttnModule.K_PROJ));
    return checkpointer(model)
        .load(
            spec.quantised(new Quantisation(base, embeddings)),
            ProcessGroup.alone(engine),
            Precision.of(DType.FP32),
            true,
            0);
  }

  private HuggingFaceCheckpointer checkpointer(Path model) {
    return new HuggingFaceCheckpointer(model, null, dir);
  }

  private void assertGolden(Decoder decoder) {
    SafetensorsFile golden = SafetensorsFile.open(BASE.resolve("dequantized.safetensors"));
    Map<String, Parameter> parameters = decoder.parameters();
    golden
        .entries()
        .forEach(
            (name, e) -> {
              assertEquals(DType.NF4, parameters.get(name).tensor().dtype(), name);
              assertArrayEquals(
                  TensorFiles.read(engine, golden.path(), e).toFloats(),
                  parameters.get(name).tensor().toFloats(),
                  1e-6f,
                  name);
            });
  }

  @Test
  void load_nf4_hasBitsandbytesValues() {
    Decoder decoder = load(PLAIN, true, true);
    assertGolden(decoder);
    Map<String, Parameter> parameters = decoder.parameters();
    assertEquals(DType.FP32, parameters.get("lm_head.weight").tensor().dtype());
    assertEquals(DType.INT8, parameters.get("model.embed_tokens.weight").tensor().dtype());
    assertGolden(load(PLAIN, "nf4", false)); // from the cache
  }

  /** The checkpoint's own types count. */
  @Test
  void load_bitsandbytesCheckpoint_staysAsItIs() {
    assertGolden(load(BASE, false, false));
    assertGolden(load(BASE, "int8", false));
  }

  @Test
  void load_int8_isNearTheWeights() {
    Map<String, Parameter> plain = load(PLAIN, false, false).parameters();
    load(PLAIN, "int8", false)
        .parameters()
        .forEach(
            (name, p) -> {
              if (p.tensor().dtype() == DType.INT8) {
                float[] expected = plain.get(name).tensor().toFloats();
                assertArrayEquals(expected, p.tensor().toFloats(), 2e-3f, name);
              }
            });
  }

  /** A run and tune merge give the same bytes, of the original weights. */
  @Test
  void saveAdapter_merged_isMergedIntoTheOriginalWeights() throws IOException {
    Decoder decoder = load(PLAIN, true, true);
    for (Parameter p : Adapters.parameters(decoder).values()) {
      p.tensor().copyFrom(engine.operations().uniform(3, -0.1, 0.1, p.dtype(), p.shape()));
    }
    Path saved =
        checkpointer(PLAIN).writer().saveAdapter(decoder, "epoch_0", false, ShardSize.parse("5GB"));
    Path merged = dir.resolve("merged");
    MergedModel.write(
        engine,
        ModelRegistry.installed(),
        PLAIN,
        saved,
        DType.FP32,
        merged,
        ShardSize.parse("5GB"));
    String file = "model.safetensors";
    assertArrayEquals(
        Files.readAllBytes(merged.resolve(file)), Files.readAllBytes(saved.resolve(file)));
  }

  @Test
  void merge_intoQuantisedWeights_isRefusedWithTheWay() {
    Path adapter = GOLDEN.resolve("adapters5/nf4_qv_r8/final");
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                MergedModel.write(
                    engine,
                    ModelRegistry.installed(),
                    BASE,
                    adapter,
                    null,
                    dir.resolve("merged"),
                    ShardSize.parse("5GB")));
    assertEquals(
        BASE
            + ": model.layers.0.mlp.down_proj.weight is stored in nf4, which an adapter cannot be merged into; merge into the original weights: give their folder as --model",
        e.getMessage());
  }
}
