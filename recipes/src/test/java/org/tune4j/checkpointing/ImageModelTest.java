package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
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

/** Text models inside image models' checkpoints, as transformers 5.24 wrote them. */
class ImageModelTest {
  private static final Path GOLDEN = Path.of("../models/src/test/resources/golden/tiny5");
  private static final String WEIGHTS = "model.safetensors";
  private static final String CONFIG = HuggingFaceFolder.CONFIG;
  private static final int[] TOKENS = {11, 17, 230, 94, 99, 301, 12};
  private static final ShardSize SIZE = ShardSize.parse("5GB");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;
  private final Engine engine = TestBackend.engine();

  private Decoder load(Path model, Path adapter) {
    return load(model, adapter, ".*\\.layers\\..*");
  }

  private Decoder load(Path model, Path adapter, String targets) {
    LoraConfig lora =
        new LoraConfig(
            new TargetModules(TargetModules.Names.of(targets), TargetModules.Names.NONE, List.of()),
            4,
            8);
    return new HuggingFaceCheckpointer(model, adapter, dir)
        .load(
            new ModelSpec("test", ModelRegistry.installed(), null, lora),
            ProcessGroup.alone(engine),
            Precision.of(DType.FP32),
            true,
            0);
  }

  private Path save(Path model, Decoder decoder) {
    return new HuggingFaceCheckpointer(model, null, dir)
        .writer()
        .saveAdapter(decoder, "saved", false, SIZE);
  }

  private float[] logits(Decoder decoder) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      return decoder.logits(Pass.evaluation(engine, scope), PackedRows.of(TOKENS)).toFloats();
    }
  }

  private static ByteBuffer bytes(Path file, Entry entry) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) entry.length());
    try (FileChannel in = FileChannel.open(file)) {
      in.read(bytes, entry.offset());
    }
    return bytes.flip();
  }

  /** The checkpoint with its tensors under other names. */
  private Path renamed(String checkpoint, UnaryOperator<String> name) throws IOException {
    Path from = GOLDEN.resolve(checkpoint);
    Path to = Files.createDirectories(dir.resolve("renamed"));
    Files.copy(from.resolve(CONFIG), to.resolve(CONFIG));
    SafetensorsFile file = SafetensorsFile.open(from.resolve(WEIGHTS));
    List<StoredTensor> all =
        file.entries().values().stream()
            .map(
                e ->
                    new StoredTensor(
                        name.apply(e.name()),
                        e.type(),
                        e.shape(),
                        out -> out.write(bytes(file.path(), e))))
            .toList();
    SafetensorsWriter.write(to.resolve(WEIGHTS), all);
    return to;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gemma3_conditional",
        "gemma4_conditional",
        "mistral3_conditional",
        "qwen3_5_conditional"
      })
  void merged_hasEveryTensorOfTheCheckpoint_andItsConfig(String checkpoint) throws IOException {
    Path model = GOLDEN.resolve(checkpoint);
    try (TensorScope scope = engine.openScope()) {
      Decoder trained = load(model, model.resolve("adapter"));
      Path saved = save(model, trained);
      SafetensorsFile from = SafetensorsFile.open(model.resolve(WEIGHTS));
      SafetensorsFile merged = SafetensorsFile.open(saved.resolve(WEIGHTS));
      assertEquals(from.entries().keySet(), merged.entries().keySet());
      HuggingFaceFolder folder = HuggingFaceFolder.open(saved);
      assertEquals(from.entries().size(), folder.weights().size() + folder.others().size());
      assertTrue(folder.others().size() > 10);
      for (HuggingFaceFolder.Weight other : folder.others()) {
        Entry before = from.entry(other.entry().name());
        assertEquals(bytes(from.path(), before), bytes(other.file(), other.entry()));
      }
      assertEquals(
          JSON.readTree(model.resolve(CONFIG).toFile()),
          JSON.readTree(saved.resolve(CONFIG).toFile()));
      assertArrayEquals(logits(trained), logits(load(saved, null)), 2e-5f);
      assertArrayEquals(logits(trained), logits(load(model, saved)), 0);
    }
  }

  /** A name alone would have PEFT adapt the vision tower's modules of that name, too. */
  @Test
  void savedAdapter_ofLinearsThatTheVisionTowerHas_namesThemByTheirPaths() throws IOException {
    Path model = GOLDEN.resolve("gemma3_conditional");
    try (TensorScope scope = engine.openScope()) {
      Path saved = save(model, load(model, null, ".*(q_proj|gate_proj)"));
      List<String> targets =
          JSON.convertValue(
              JSON.readTree(saved.resolve("adapter_config.json").toFile()).get("target_modules"),
              JSON.getTypeFactory().constructCollectionType(List.class, String.class));
      assertEquals(
          List.of(
              "model.language_model.layers.0.self_attn.q_proj",
              "model.language_model.layers.1.self_attn.q_proj",
              "model.language_model.layers.2.self_attn.q_proj",
              "model.language_model.layers.3.self_attn.q_proj",
              "gate_proj"),
          targets);
    }
  }

  @Test
  void merged_withAnAdaptedHead_hasAHeadBesideTheCheckpointsNames() throws IOException {
    for (Map.Entry<String, UnaryOperator<String>> names :
        Map.<String, UnaryOperator<String>>of(
                "language_model.lm_head.weight",
                n -> n,
                "lm_head.weight",
                n -> n.replace("language_model.model.", "model.language_model."))
            .entrySet()) {
      try (TensorScope scope = engine.openScope()) {
        Path model = renamed("gemma3_conditional", names.getValue());
        Path saved = save(model, load(model, null, "lm_head"));
        SafetensorsFile merged = SafetensorsFile.open(saved.resolve(WEIGHTS));
        assertTrue(merged.entries().containsKey(names.getKey()), merged.entries()::toString);
        ObjectNode config = (ObjectNode) JSON.readTree(saved.resolve(CONFIG).toFile());
        assertEquals(false, config.get("tie_word_embeddings").booleanValue());
        assertEquals(false, config.get("text_config").get("tie_word_embeddings").booleanValue());
        assertArrayEquals(logits(load(model, saved, "lm_head")), logits(load(saved, null)), 2e-5f);
      }
      for (String made : List.of("renamed/" + CONFIG, "renamed/" + WEIGHTS)) {
        Files.delete(dir.resolve(made));
      }
    }
  }
}
