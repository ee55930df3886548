package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.checkpointing.MergedModel;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.PackedRows;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;

/** Runs that add special tokens to a model with 320, for each of which its tokenizer has one. */
class AddedTokensTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ModelRegistry MODELS = ModelRegistry.installed();
  private static final PackedRows ROW = PackedRows.of(5, 320, 7, 321, 9);

  @TempDir Path temp;
  private final Engine engine = TestBackend.engine();
  private Path model;

  /** A run with rows that have the new tokens. */
  private TinyRun run(String family) throws IOException {
    model = Files.createDirectories(temp.resolve("model"));
    try (Stream<Path> files = Files.list(TinyRun.MODEL.resolveSibling(family))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    ObjectNode json = (ObjectNode) JSON.readTree(Path.of("../docs/tiny/tokenizer.json").toFile());
    ObjectNode vocab = (ObjectNode) json.path("model").path("vocab");
    List<Integer> taken = new ArrayList<>();
    vocab.forEach(id -> taken.add(id.asInt()));
    for (int id = 0; id < TinyRun.VOCAB; id++) {
      if (!taken.contains(id)) {
        vocab.put("word" + id, id);
      }
    }
    JSON.writeValue(model.resolve("tokenizer.json").toFile(), json);
    Files.writeString(model.resolve("tokenizer_config.json"), "{}");
    TinyRun run = new TinyRun();
    run.model = model;
    run.tokenizer = tokenizer(null);
    run.rows = new ArrayList<>(run.rows);
    run.rows.add(TinyRun.row(new int[] {5, 320, 7, 321, 9, 320}, 1));
    return run;
  }

  private static TokenizerSpec tokenizer(@Nullable Path path) {
    return TokenizerSpec.huggingFace(path, null, null, List.of("<call>", "<think>"));
  }

  private float[] logits(Path folder, List<Path> adapters) {
    try (TensorScope scope = engine.openScope();
        InferenceModel opened =
            InferenceModel.open(MODELS, folder, adapters, null, engine, DType.FP32)) {
      assertArrayEquals(new int[] {320, 321}, opened.tokenizer().encode("<call><think>"));
      Decoder decoder = opened.with(adapters.isEmpty() ? null : adapters.get(0));
      return decoder.logits(Pass.evaluation(engine, scope), ROW).toFloats();
    }
  }

  private float[] weight(Path folder, String name) {
    try (TensorScope scope = engine.openScope()) {
      HuggingFaceCheckpointer files = new HuggingFaceCheckpointer(folder, null, folder);
      Tensor weight = HuggingFaceCheckpointer.mapped(files.folder(), engine, DType.FP32).get(name);
      return weight.toFloats();
    }
  }

  @ParameterizedTest
  @CsvSource({"llama2, 2", "llama3_2, 1"})
  void lora_trainsTheirRows_andSavesAndMergesThem(String family, int tables) throws IOException {
    TinyRun run = run(family);
    Path out = temp.resolve("out");
    run.run(out);
    Path adapter = out.resolve("epoch_1");
    JsonNode trained =
        JSON.readTree(adapter.resolve("adapter_config.json").toFile())
            .path("trainable_token_indices");
    assertEquals(tables, trained.size());
    assertEquals("[320,321]", trained.path("embed_tokens").toString());
    float[] withAdapter = logits(model, List.of(adapter));
    assertEquals(5 * 322, withAdapter.length);

    Path merged = temp.resolve("merged");
    MergedModel.write(engine, MODELS, model, adapter, null, merged, ShardSize.DEFAULT);
    assertArrayEquals(withAdapter, logits(merged, List.of()), 2e-5f);
    assertEquals(
        322, JSON.readTree(merged.resolve("config.json").toFile()).path("vocab_size").asInt());
    float[] before = weight(model, "model.embed_tokens.weight");
    float[] after = weight(merged, "model.embed_tokens.weight");
    int dim = before.length / 320;
    assertEquals(322 * dim, after.length);
    for (int i = 0; i < before.length; i++) {
      assertEquals(before[i], after[i]);
    }
    for (int column = 0; column < dim; column++) {
      double mean = 0;
      for (int row = 0; row < 320; row++) {
        mean += before[row * dim + column] / 320;
      }
      assertEquals(mean, after[before.length + column], 0.2); // where they began
      assertNotEquals(mean, after[before.length + column], 1e-5);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stoppedRun_goesOnToTheSameBits(boolean full) throws IOException {
    TinyRun run = run("llama2");
    run.full = full;
    Path whole = temp.resolve("whole");
    run.run(whole);
    Path stopped = temp.resolve("stopped");
    run.runAndStopAfter(stopped, 4);
    run.resume = true;
    run.run(stopped);
    assertArrayEquals(run.weights(whole), run.weights(stopped));
    if (full) {
      assertEquals(5 * 322, logits(whole.resolve("epoch_1"), List.of()).length);
    }
  }

  /** The words that no row of the embedding is there for are told before anything is computed. */
  @Test
  void adapter_forMoreTokensThanTheOpenModel_isRefused() throws IOException {
    TinyRun run = run("llama2");
    run.epochs = 1;
    Path out = temp.resolve("out");
    run.run(out);
    Path adapter = out.resolve("epoch_0");
    try (TensorScope scope = engine.openScope();
        InferenceModel opened =
            InferenceModel.open(MODELS, model, List.of(), null, engine, DType.FP32)) {
      assertEquals(
          "adapter "
              + adapter
              + ": it has rows for 322 tokens, the model that is open has 320; name the adapter"
              + " when the model is opened",
          assertThrows(InputException.class, () -> opened.with(adapter)).getMessage());
    }
  }

  @Test
  void tokens_thatAreEmptyOrStandTwice_areRefused() {
    for (List<String> tokens : List.of(List.of(""), List.of("<a>", "<a>"))) {
      assertEquals(
          "added_tokens is " + tokens + ", expected texts that differ",
          assertThrows(
                  UsageException.class, () -> TokenizerSpec.huggingFace(null, null, null, tokens))
              .getMessage());
    }
  }
}
