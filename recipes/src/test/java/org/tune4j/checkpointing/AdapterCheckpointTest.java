package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.PackedRows;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;

/**
 * Adapters over the tiny Llama 2 as PEFT 0.21.2's save_pretrained wrote them: {@code patterns} with
 * a regular expression for targets, the head among them, rank and alpha patterns and use_rslora;
 * {@code layers} with a target that matches nothing, exclude_modules and layers_to_transform.
 */
class AdapterCheckpointTest {
  private static final Path MODEL =
      Path.of("../models/src/test/resources/golden/tiny/families/llama2");
  private static final Path PEFT = Path.of("src/test/resources/peft");
  private static final int[] TOKENS = {1, 17, 230, 4, 99, 301, 12};
  private static final ShardSize SIZE = ShardSize.parse("5GB");

  private static final ModelRegistry TYPES = ModelRegistry.installed();

  @TempDir Path dir;
  private final Engine engine = TestBackend.engine();

  private static LoraConfig lora(String... targets) {
    return new LoraConfig(TargetModules.of(List.of(targets)), 4, 8);
  }

  private static LoraConfig qv(boolean output) {
    return output ? lora("q_proj", "v_proj", "lm_head") : lora("q_proj", "v_proj");
  }

  private static ModelSpec spec(@Nullable LoraConfig lora) {
    return new ModelSpec("test", ModelRegistry.installed(), null, lora);
  }

  private Decoder load(Path adapter, LoraConfig asked) {
    return new HuggingFaceCheckpointer(MODEL, adapter, dir)
        .load(spec(asked), ProcessGroup.alone(engine), Precision.of(DType.FP32), true, 0);
  }

  private Decoder over(Path adapter) {
    Decoder base =
        new HuggingFaceCheckpointer(MODEL, null, dir)
            .load(spec(null), ProcessGroup.alone(engine), Precision.of(DType.FP32), true, 0);
    return HuggingFaceCheckpointer.withAdapter(
        engine, base, ModelRegistry.installed().open(adapter));
  }

  /** Of the last position. */
  private float[] logits(Decoder decoder) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return decoder
          .logits(Pass.evaluation(engine, scope), PackedRows.of(TOKENS))
          .narrow(0, TOKENS.length - 1, 1)
          .toFloats();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "patterns, -1.26975, -4.74932, -1.75313, 7.30492, 6.28752, -0.38913",
    "layers, 0.25532, -0.31030, -0.08745, 0.53490, 0.06929, 1.21756"
  })
  void adapter_ofPeft_computesWhatPeftDoes(
      String name, float a, float b, float c, float d, float e, float f) {
    try (TensorScope scope = engine.openScope()) {
      float[] got = Arrays.copyOf(logits(over(PEFT.resolve(name))), 6);
      assertArrayEquals(new float[] {a, b, c, d, e, f}, got, 2e-4f);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"patterns", "layers"})
  void adapter_loadedToTrainAndSaved_isTheSame(String name) throws IOException {
    try (TensorScope scope = engine.openScope()) {
      Decoder trained = load(PEFT.resolve(name), qv(name.equals("patterns")));
      float[] before = logits(over(PEFT.resolve(name)));
      assertArrayEquals(before, logits(trained));
      Path saved =
          new HuggingFaceCheckpointer(MODEL, null, dir)
              .writer()
              .saveAdapter(trained, "epoch_0", true, SIZE);
      assertArrayEquals(before, logits(over(saved)));
      JsonFields config = PeftAdapter.open(saved).config();
      assertEquals(
          name.equals("layers")
              ? List.of("model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj")
              : List.of("q_proj", "v_proj", "lm_head"),
          config.toMap().get("target_modules"));
      assertEquals(name.equals("patterns"), config.flag("use_rslora", false));
    }
  }

  @Test
  void adapter_ofOtherModulesThanTheConfigs_isRefused() {
    try (TensorScope scope = engine.openScope()) {
      Path layers = PEFT.resolve("layers");
      assertEquals(
          "adapter %s: the adapter adapts 'model.layers.1.self_attn.v_proj', the model does not; name it in the model's target_modules or lora_attn_modules"
              .formatted(layers),
          refusal(() -> load(layers, lora("q_proj", "gate_proj"))));
      assertEquals(
          "adapter %s: the model adapts 'lm_head', the adapter does not; leave it out of the model's targets"
              .formatted(layers),
          refusal(() -> load(layers, qv(true))));
    }
  }

  /** The {@code patterns} adapter with a head that is not the base's. */
  private Path withAnotherHead() throws IOException {
    Path from = PEFT.resolve("patterns");
    Path to = Files.createDirectories(dir.resolve("head"));
    Files.copy(from.resolve(PeftAdapter.CONFIG), to.resolve(PeftAdapter.CONFIG));
    Path file = from.resolve(PeftAdapter.FILE);
    byte[] bytes = Files.readAllBytes(file);
    List<StoredTensor> tensors = new ArrayList<>();
    SafetensorsFile.open(file)
        .entries()
        .forEach(
            (name, e) -> {
              ByteBuffer values =
                  ByteBuffer.wrap(bytes, (int) e.offset(), (int) e.length())
                      .slice()
                      .order(ByteOrder.LITTLE_ENDIAN);
              if (name.endsWith("base_layer.weight")) {
                values.putFloat(0, values.getFloat(0) + 1);
              }
              tensors.add(
                  new StoredTensor(
                      name,
                      SafetensorsType.F32,
                      e.shape(),
                      channel -> channel.write(values.duplicate())));
            });
    SafetensorsWriter.write(to.resolve(PeftAdapter.FILE), tensors);
    return to;
  }

  @Test
  void adapter_withAHeadOfItsOwn_isUsedAndMergedAndNotTrained() throws IOException {
    Path adapter = withAnotherHead();
    try (TensorScope scope = engine.openScope()) {
      float[] own = logits(over(adapter));
      assertFalse(Arrays.equals(logits(over(PEFT.resolve("patterns"))), own));
      assertEquals(
          "adapter %s: it contains its own 'lm_head.weight', which continued training would lose; merge it with tune merge and train on the merged model"
              .formatted(adapter),
          refusal(() -> load(adapter, qv(true))));
      MergedModel.write(engine, TYPES, MODEL, adapter, null, dir.resolve("merged"), SIZE);
      Decoder merged =
          new HuggingFaceCheckpointer(dir.resolve("merged"), null, dir)
              .load(spec(null), ProcessGroup.alone(engine), Precision.of(DType.FP32), true, 0);
      assertArrayEquals(own, logits(merged), 1e-3f);
    }
  }

  @ParameterizedTest
  @CsvSource({"patterns, fp32", "layers, fp32", "layers, fp64"})
  void merge_later_givesTheRunsOwnBytes(String name, String type) throws IOException {
    DType dtype = DType.parse(type);
    Path once = dir.resolve("epoch_0");
    Path later = dir.resolve("merged");
    try (TensorScope scope = engine.openScope()) {
      HuggingFaceCheckpointer files = new HuggingFaceCheckpointer(MODEL, PEFT.resolve(name), dir);
      ModelSpec spec = spec(qv(name.equals("patterns")));
      files
          .writer()
          .saveAdapter(
              files.load(spec, ProcessGroup.alone(engine), Precision.of(dtype), true, 0),
              "epoch_0",
              false,
              SIZE);
      MergedModel.write(engine, TYPES, MODEL, once, dtype, later, SIZE);
    }
    for (String file : List.of("model.safetensors", "config.json", "generation_config.json")) {
      assertArrayEquals(
          Files.readAllBytes(once.resolve(file)), Files.readAllBytes(later.resolve(file)), file);
    }
    assertEquals(3, names(later).size(), () -> names(later).toString());
  }

  @Test
  void merge_intoAFolderWithFiles_leavesThem() throws IOException {
    Path output = Files.createDirectories(dir.resolve("merged"));
    Path kept = Files.writeString(output.resolve("notes.txt"), "mine");
    assertEquals(
        "the output folder %s is not empty; name a new one".formatted(output),
        assertThrows(
                UsageException.class,
                () ->
                    MergedModel.write(
                        engine, TYPES, MODEL, PEFT.resolve("layers"), null, output, SIZE))
            .getMessage());
    assertEquals("mine", Files.readString(kept));
  }

  @Test
  void merge_ofAnotherModelsAdapter_writesNothing() {
    Path other = Path.of("../models/src/test/resources/golden/tiny/families/llama3_2");
    String message =
        refusal(
            () ->
                MergedModel.write(
                    engine,
                    TYPES,
                    other,
                    PEFT.resolve("patterns"),
                    null,
                    dir.resolve("merged"),
                    SIZE));
    assertTrue(message.contains("was made for another model"), message);
    assertEquals(List.of(), names(dir));
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.map(p -> p.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String refusal(Executable call) {
    TuneException e = assertThrows(InputException.class, call);
    return String.valueOf(e.getMessage());
  }
}
