package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.layers.RopeScaling;

class HuggingFaceTest {
  @TempDir Path folder;

  @Test
  void read_llama2_givesItsFields() {
    HuggingFaceConfig config = golden("llama2");
    DecoderConfig sizes = model(config).sizes();
    assertEquals(320, sizes.vocabSize());
    assertEquals(64, sizes.hiddenSize());
    assertEquals(176, sizes.intermediateSize());
    assertEquals(3, sizes.numLayers());
    assertEquals(4, sizes.numHeads());
    assertEquals(4, sizes.numKvHeads());
    assertEquals(16, sizes.headDim());
    assertEquals(1e-5, sizes.normEps());
    assertEquals(10_000.0, model(config).facts().get("rope_theta"));
    assertEquals("null", model(config).facts().get("rope_scaling"));
    assertEquals(256, sizes.maxSeqLen());
    assertEquals(0, sizes.slidingWindow());
    assertEquals("float32", config.dtype());
    assertEquals(1, config.bosTokenId());
    assertEquals(List.of(2), config.eosTokenIds());
    assertEquals(0, config.padTokenId());
    assertEquals(0.02, config.json().toMap().get("initializer_range"));
    assertTrue(config.json().mentions("rope_scaling"));
  }

  @Test
  void read_llama3_2_givesScalingAndTie() {
    ModelConfig config = model(golden("llama3_2"));
    assertEquals(
        new RopeScaling.Llama3(32, 1, 4, 64).toString(), config.facts().get("rope_scaling"));
    assertTrue(config.sizes().tieWordEmbeddings());
    assertEquals(2, config.sizes().numKvHeads());
    assertEquals(500_000.0, config.facts().get("rope_theta"));
  }

  /** A run is recognised by them; a map's own order differs from one JVM to the next. */
  @Test
  void facts_ofAFamily_areInOneOrder() throws IOException {
    List<String> facts = List.copyOf(model(read("{\"model_type\":\"gemma2\"}")).facts().keySet());
    List<String> own = facts.subList(facts.size() - 5, facts.size());
    assertEquals(
        List.of("attention_bias", "attn_logit_softcapping", "hidden_act", "layers", "scale"), own);
  }

  @Test
  void read_mistral_givesWindowAndComputedHeadDim() throws IOException {
    assertEquals(8, model(golden("mistral")).sizes().slidingWindow());
    assertEquals(16, model(golden("mistral")).sizes().headDim());
    assertEquals(0, model(changed("mistral", "sliding_window", "null")).sizes().slidingWindow());
    assertEquals(4096, model(changed("mistral", "sliding_window", "")).sizes().slidingWindow());
  }

  @Test
  void read_absentFields_getTheDefaults() throws IOException {
    assertEquals(4, model(changed("llama3", "num_key_value_heads", "")).sizes().numKvHeads());
    assertEquals(16, model(changed("llama2", "head_dim", "")).sizes().headDim());
    assertEquals(10_000.0, model(changed("llama3", "rope_theta", "")).facts().get("rope_theta"));
    assertNull(changed("llama2", "pad_token_id", "-1").padTokenId());
    assertEquals(List.of(), changed("llama2", "eos_token_id", "null").eosTokenIds());
    assertEquals(List.of(3, 4), changed("llama2", "eos_token_id", "[3,4]").eosTokenIds());
    assertNull(changed("llama2", "dtype", "").dtype());
    for (String none : List.of("{\"type\":\"default\"}", "{}")) {
      ModelConfig config = model(changed("llama2", "rope_scaling", none));
      assertEquals("null", config.facts().get("rope_scaling"));
    }
  }

  /** The values of transformers 4.57's LlamaConfig() and MistralConfig(). */
  @ParameterizedTest
  @CsvSource({
    "llama, 32000, 4096, 11008, 32, 32, 32, 128, 1e-6, 10000, 2048, 0",
    "mistral, 32000, 4096, 14336, 32, 32, 8, 128, 1e-6, 10000, 131072, 4096"
  })
  void read_modelTypeAlone_givesTransformersDefaults(
      String type,
      int vocab,
      int hidden,
      int intermediate,
      int layers,
      int heads,
      int kvHeads,
      int headDim,
      double eps,
      double theta,
      int positions,
      int window)
      throws IOException {
    HuggingFaceConfig config = read("{\"model_type\": \"%s\"}".formatted(type));
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("vocab_size", vocab);
    facts.put("hidden_size", hidden);
    facts.put("intermediate_size", intermediate);
    facts.put("num_hidden_layers", layers);
    facts.put("num_attention_heads", heads);
    facts.put("num_key_value_heads", kvHeads);
    facts.put("head_dim", headDim);
    facts.put("rms_norm_eps", eps);
    facts.put("rope_theta", theta);
    facts.put("rope_scaling", "null");
    facts.put("tie_word_embeddings", false);
    facts.put("sliding_window", window);
    assertEquals(facts, model(config).facts());
    assertEquals(positions, model(config).sizes().maxSeqLen());
    assertEquals(1, config.bosTokenId());
    assertEquals(List.of(2), config.eosTokenIds());
    assertNull(config.padTokenId());
    assertNull(config.dtype());
  }

  @Test
  void read_mistralKvHeadsNull_areAsManyAsHeads() throws IOException {
    String heads = "{\"model_type\":\"mistral\",\"num_attention_heads\":4,\"hidden_size\":64";
    assertEquals(4, model(read(heads + ",\"num_key_value_heads\":null}")).sizes().numKvHeads());
    assertEquals(
        folder.resolve("config.json")
            + ": num_attention_heads is 4, expected a multiple of the default num_key_value_heads"
            + " 8",
        assertThrows(InputException.class, () -> model(read(heads + "}"))).getMessage());
  }

  @Test
  void read_otherWordsForTheSame_areAccepted() throws IOException {
    assertEquals(model(golden("llama2")), model(changed("llama2", "hidden_act", "\"swish\"")));
    assertEquals("float16", changed("llama2", "dtype", "\"float16\"").dtype());
    HuggingFaceConfig odd = read("{\"model_type\":\"llama\",\"x\":[Infinity,-Infinity,NaN]}");
    Path copy = folder.resolve("copy.json");
    odd.write(copy, Map.of("dtype", "float32"));
    assertEquals(
        """
        {
          "model_type": "llama",
          "x": [
            Infinity,
            -Infinity,
            NaN
          ],
          "dtype": "float32"
        }
        """,
        Files.readString(copy));
  }

  /** As transformers 5 chooses; 4.57 knows rope_scaling alone. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          LLAMA3 | - | - | 10000 | true
          - | LLAMA3 | - | 10000 | true
          null | LLAMA3_THETA | 5 | 7 | true
          {} | LLAMA3_THETA | - | 7 | true
          LLAMA3 | {"rope_type":"default","rope_theta":7} | 5 | 5 | true
          {"rope_type":"default"} | LLAMA3_THETA | 5 | 5 | false
          - | {"rope_theta":7} | - | 7 | false
          - | {"rope_type":"default","rope_theta":7} | 5 | 7 | false
          """)
  void read_ropeScalingAndParameters_areChosenAsTransformersDoes(
      String scaling, String parameters, String theta, double rightTheta, boolean scaled)
      throws IOException {
    String llama3 =
        "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
            + "\"high_freq_factor\":4,\"original_max_position_embeddings\":8192}";
    StringBuilder json = new StringBuilder("{\"model_type\":\"llama\"");
    String[] fields = {"rope_scaling", scaling, "rope_parameters", parameters, "rope_theta", theta};
    for (int i = 0; i < fields.length; i += 2) {
      if (fields[i + 1] != null) {
        json.append(",\"%s\":%s".formatted(fields[i], fields[i + 1]));
      }
    }
    HuggingFaceConfig config =
        read(
            (json + "}")
                .replace("LLAMA3_THETA", llama3.replace("}", ",\"rope_theta\":7}"))
                .replace("LLAMA3", llama3));
    Map<String, Object> facts = model(config).facts();
    assertEquals(rightTheta, facts.get("rope_theta"));
    assertEquals(
        String.valueOf(scaled ? new RopeScaling.Llama3(8, 1, 4, 8192) : null),
        facts.get("rope_scaling"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          model_type |  | model_type is missing, expected a string
          hidden_size | null | hidden_size is missing, expected an integer from 1 to 1048576
          hidden_size | "64" | hidden_size is "64", expected an integer from 1 to 1048576
          hidden_size | 64.5 | hidden_size is 64.5, expected an integer from 1 to 1048576
          vocab_size | 0 | vocab_size is 0, expected an integer from 1 to 16777216
          vocab_size | 99999999999 | vocab_size is 99999999999, expected an integer from 1 to 16777216
          num_hidden_layers | null | num_hidden_layers is missing, expected an integer from 1 to 1000
          num_key_value_heads | 3 | num_key_value_heads is 3, expected a divisor of num_attention_heads 4
          head_dim | 15 | head_dim is 15, expected an even number, as the rotation turns pairs
          rms_norm_eps | 0 | rms_norm_eps is 0, expected a number above 0
          rms_norm_eps | null | rms_norm_eps is missing, expected a number above 0
          rms_norm_eps | Infinity | rms_norm_eps is "Infinity", expected a number above 0
          num_hidden_layers | 2147483647 | num_hidden_layers is 2147483647, expected an integer from 1 to 1000
          intermediate_size | 2147483647 | intermediate_size is 2147483647, expected an integer from 1 to 1048576
          num_attention_heads | 2147483647 | num_attention_heads is 2147483647, expected an integer from 1 to 1048576
          head_dim | 2147483646 | head_dim is 2147483646, expected at most 1048576 over num_attention_heads 4
          rope_parameters | {"partial_rotary_factor":0.5} | rope_parameters.partial_rotary_factor is 0.5, expected 1; this family rotates whole heads
          rope_theta | "x" | rope_theta is "x", expected a number above 0
          rope_scaling | {"rope_type":"ntk","factor":2} | rope_scaling.rope_type is "ntk", expected "default", "linear", "dynamic", "llama3", "yarn", "longrope" or "proportional"; no other scaling is supported
          rope_scaling | {"type":"linear","factor":0.5} | rope_scaling.factor is 0.5, expected 1 or more
          rope_scaling | {"rope_type":"llama3","low_freq_factor":1} | rope_scaling.factor is missing, expected a number above 0
          rope_scaling | {"factor":2} | rope_scaling.rope_type is missing, expected a string
          rope_scaling | {"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":9} | rope_scaling.high_freq_factor is 4, expected a number above low_freq_factor 4.0
          rope_scaling | 3 | rope_scaling is 3, expected an object
          tie_word_embeddings | 1 | tie_word_embeddings is 1, expected true or false
          use_qk_norm | true | use_qk_norm is true, expected false; this family computes nothing else
          final_logit_softcapping | 30.0 | final_logit_softcapping is 30.0, expected 0 or 0.0; this family computes nothing else
          hidden_act | "gelu" | hidden_act is "gelu", expected "silu" or "gelu_pytorch_tanh"; no other activation is supported
          partial_rotary_factor | 0.5 | partial_rotary_factor is 0.5, expected 1 or 1.0; this family computes nothing else
          quantization_config | {"bits":4} | quantization_config.quant_method is null, expected one of fp8, mxfp4, bitsandbytes; give the checkpoint in float32, float16 or bfloat16
          eos_token_id | "x" | eos_token_id is "x", expected an integer of at least -1
          eos_token_id | [1,"x"] | eos_token_id is [1,"x"], expected a token id or a list of token ids
          dtype | 4 | dtype is 4, expected a string
          """)
  void read_wrongField_saysFileAndField(String field, String value, String rule)
      throws IOException {
    String json = value == null ? "" : value;
    String message =
        assertThrows(InputException.class, () -> model(changed("llama2", field, json)))
            .getMessage();
    assertEquals(folder.resolve("config.json") + ": " + rule, message);
  }

  @Test
  void read_unknownModelType_listsTheKnownOnes() throws IOException {
    String message =
        assertThrows(InputException.class, () -> model(changed("llama2", "model_type", "\"gpt2\"")))
            .getMessage();
    assertTrue(
        message.matches(
            ".*model_type is \"gpt2\", expected (\"[a-z0-9_]+\", )+\"[a-z0-9_]+\" or \"[a-z0-9_]+\"; no other family is supported"),
        message);
    assertTrue(message.contains("\"llama\""), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"model_type":"gemma3","text_config":{"model_type":"llama"}} | text_config.model_type is "llama", expected "gemma3_text" in an image model of type "gemma3"
          {"model_type":"mistral3","text_config":{}} | text_config.model_type is missing, expected a string
          {"model_type":"gemma3","text_config":{"clip_qkv":1}} | text_config.clip_qkv is 1, expected no such field; this family does not compute it
          """)
  void read_imageModelOfAnotherTextModel_saysWhichItMayBe(String json, String rule) {
    assertEquals(
        folder.resolve("config.json") + ": " + rule,
        assertThrows(InputException.class, () -> ModelRegistry.installed().read(read(json).json()))
            .getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a": 1} x | line 1, column 11: Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
          {"a": 1} {} | line 1, column 10: Trailing token (of type START_OBJECT) found after value
          {"a": +1} | line 1, column 8: Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs
          {"a": /**/ 1} | line 1, column 7: Unexpected character ('/' (code 47)): maybe a (non-standard) comment?
          """)
  void read_notJson_saysItWithoutTheParsersSettings(String json, String why) {
    assertEquals(
        folder.resolve("config.json") + " is not valid JSON (" + why + "); download the file again",
        assertThrows(InputException.class, () -> read(json)).getMessage());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void read_pipeOrDevice_isRefusedUnread() throws IOException {
    Path config = Files.createSymbolicLink(folder.resolve("config.json"), Path.of("/dev/zero"));
    assertEquals(
        config + " is a pipe or device, expected a JSON file",
        assertThrows(InputException.class, () -> HuggingFaceConfig.read(config)).getMessage());
    assertEquals(
        config + " is a pipe or device, expected a safetensors file",
        assertThrows(InputException.class, () -> SafetensorsFile.open(config)).getMessage());
  }

  @Test
  void read_notJson_saysWhere() throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), "{\n \"a\": oops}");
    assertEquals(
        file
            + " is not valid JSON (line 2, column 12: Unrecognized token 'oops': was expecting"
            + " (JSON String, Number, Array, Object or token 'null', 'true' or 'false')); download"
            + " the file again",
        assertThrows(InputException.class, () -> HuggingFaceConfig.read(file)).getMessage());
  }

  @Test
  void open_goldenFolder_givesWeightsAndSideFiles() throws IOException {
    HuggingFaceFolder model = HuggingFaceFolder.open(Golden.tiny("families/llama2"));
    assertEquals(30, model.weights().size());
    assertEquals(List.of(64L), model.weights().get("model.norm.weight").entry().shape());
    assertEquals(
        List.of("config.json", "generation_config.json"),
        model.sideFiles().stream().map(f -> f.getFileName().toString()).toList());
    model.copySideFiles(folder);
    assertEquals(List.of("config.json", "generation_config.json"), Golden.names(folder));
  }

  @Test
  void open_shardedFolder_givesWeightsWithTheirFiles() throws IOException {
    HuggingFaceFolder model = HuggingFaceFolder.open(Golden.tiny("families/llama2"));
    model.copySideFiles(folder);
    ShardPlan.of(Golden.stored(model.files().get(0)), ShardSize.parse("200KB")).write(folder);
    for (String name : List.of("tokenizer.json", "tokenizer.model", "merges.txt", "notes.txt")) {
      Files.writeString(folder.resolve(name), "x");
    }
    HuggingFaceFolder sharded = HuggingFaceFolder.open(folder);
    assertEquals(model.weights().keySet(), sharded.weights().keySet());
    assertEquals(5, sharded.files().size());
    assertEquals(
        folder.resolve("model-00001-of-00005.safetensors"),
        sharded.weights().get("lm_head.weight").file());
    assertEquals(
        List.of(
            "config.json",
            "generation_config.json",
            "merges.txt",
            "tokenizer.json",
            "tokenizer.model"),
        sharded.sideFiles().stream().map(f -> f.getFileName().toString()).toList());
  }

  @Test
  void open_somethingMissing_saysTheFix() throws IOException {
    Path none = folder.resolve("none");
    assertEquals(
        "the checkpoint folder "
            + none
            + " does not exist; download the model there or correct the path",
        refusal(none));
    assertEquals(
        folder.resolve("config.json")
            + " does not exist; give the folder of a Hugging Face checkpoint, config.json in it",
        refusal(folder));
    Path config =
        Files.copy(Golden.tiny("families/llama2/config.json"), folder.resolve("config.json"));
    assertEquals(
        "the checkpoint folder " + config + " is a file; give the folder that holds config.json",
        refusal(config));
    String noWeights =
        "the checkpoint folder "
            + folder
            + " has no weights: expected model.safetensors or model.safetensors.index.json";
    assertEquals(noWeights + "; download them", refusal(folder));
    Files.writeString(folder.resolve("other.bin"), "x");
    assertEquals(
        noWeights + ", found 'other.bin'; list the files to load in checkpointer.checkpoint_files",
        refusal(folder));
  }

  private static String refusal(Path path) {
    return assertThrows(InputException.class, () -> HuggingFaceFolder.open(path)).getMessage();
  }

  private static ModelConfig model(HuggingFaceConfig config) {
    return ModelRegistry.installed().read(config.json());
  }

  private static HuggingFaceConfig golden(String family) {
    return HuggingFaceConfig.read(Golden.tiny("families/" + family + "/config.json"));
  }

  /** The golden config with one field replaced, or removed where the value is empty. */
  private HuggingFaceConfig changed(String family, String field, String value) throws IOException {
    Path golden = Golden.tiny("families/" + family + "/config.json");
    ObjectNode json = (ObjectNode) JsonFields.MAPPER.readTree(Files.readAllBytes(golden));
    if (value.isEmpty()) {
      json.remove(field);
    } else {
      json.set(field, JsonFields.MAPPER.readTree(value));
    }
    return read(json.toString());
  }

  private HuggingFaceConfig read(String json) throws IOException {
    return HuggingFaceConfig.read(Files.writeString(folder.resolve("config.json"), json));
  }
}
