package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.checkpoint.GgufExport;
import org.tune4j.checkpoint.GgufModel;
import org.tune4j.checkpoint.HuggingFaceFolder;

/** Families of {@code golden/tiny5} as GGUF files, and back. */
class GgufFamiliesTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path ROOT = Path.of("../models/src/test/resources/golden/tiny5");

  @TempDir Path temp;
  private Path model;

  @BeforeEach
  void make() throws Exception {
    model = Files.createDirectories(temp.resolve("model"));
    Path tiny = Path.of(GgufFamiliesTest.class.getResource("/gguf/tiny.gguf").toURI());
    Files.copy(
        GgufModel.folder(tiny, temp.resolve("tiny")).resolve("tokenizer.json"),
        model.resolve("tokenizer.json"));
    Files.writeString(
        model.resolve("tokenizer_config.json"), "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
  }

  /** A checkpoint's copy, with these fields of its config. */
  private HuggingFaceFolder copy(String checkpoint, String changes) throws IOException {
    Files.copy(ROOT.resolve(checkpoint + "/model.safetensors"), model.resolve("model.safetensors"));
    ObjectNode config =
        (ObjectNode) JSON.readTree(ROOT.resolve(checkpoint + "/config.json").toFile());
    JsonNode own = JSON.readTree(changes);
    own.properties().forEach(e -> config.set(e.getKey(), e.getValue()));
    config.put("bos_token_id", 0).put("eos_token_id", 1);
    JSON.writeValue(model.resolve("config.json").toFile(), config);
    return HuggingFaceFolder.open(model);
  }

  private static Map<String, float[]> values(HuggingFaceFolder folder) throws IOException {
    Map<String, float[]> all = new TreeMap<>();
    for (Map.Entry<String, HuggingFaceFolder.Weight> e : folder.weights().entrySet()) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      e.getValue().stored().bytes().writeTo(Channels.newChannel(bytes));
      float[] floats = new float[bytes.size() / Float.BYTES];
      ByteBuffer.wrap(bytes.toByteArray())
          .order(ByteOrder.LITTLE_ENDIAN)
          .asFloatBuffer()
          .get(floats);
      all.put(e.getKey(), floats);
    }
    return all;
  }

  private static Map<String, Object> facts(HuggingFaceFolder folder) {
    return ModelRegistry.installed().read(folder.config().json()).facts();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "llama_biases | {}",
        "mistral | {\"sliding_window\": null}",
        "qwen2 | {}",
        "qwen3 | {}",
        "qwen3_moe | {}",
        "olmoe | {}",
        "gemma2 | {\"query_pre_attn_scalar\": 32}",
        "gemma3 | {\"layer_types\": null, \"_sliding_window_pattern\": null}",
        "phi3 | {}",
        "phi4_mini | {}",
        "olmo2 | {}",
        "granite | {}",
        "smollm3 | {}",
        "starcoder2 | {}",
        "glm4 | {}",
        "cohere2 | {}",
        "ernie4_5 | {}"
      })
  void model_thereAndBack_isTheSame(String checkpoint, String changes) throws IOException {
    HuggingFaceFolder from = copy(checkpoint, changes);
    Path file = temp.resolve("model.gguf");
    GgufExport.model(from, "f32", file);
    HuggingFaceFolder to = HuggingFaceFolder.open(GgufModel.folder(file, temp.resolve("made")));
    Map<String, Object> expected = new TreeMap<>(facts(from));
    assertEquals(expected.toString(), new TreeMap<>(facts(to)).toString());
    Map<String, float[]> found = values(to);
    Map<String, float[]> stored = values(from);
    assertEquals(stored.keySet(), found.keySet());
    // Gemma's norms are there plus one.
    stored.forEach((name, v) -> assertArrayEquals(v, found.get(name), 1.2e-7f, name));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gemma2 | query_pre_attn_scalar | 24 | 32.0",
        "gemma3 | sliding_window_pattern | 5 | 6",
        "qwen3 | use_sliding_window | true | false",
        "gemma2 | hidden_activation | \"gelu\" | gelu_pytorch_tanh",
      })
  void model_thatLlamaCppWouldComputeOtherwise_isRefused(
      String checkpoint, String field, String value, String expected) throws IOException {
    HuggingFaceFolder from =
        copy(checkpoint, "{\"layer_types\": null, \"%s\": %s}".formatted(field, value));
    String message =
        assertThrows(
                InputException.class,
                () -> GgufExport.model(from, "f32", temp.resolve("model.gguf")))
            .getMessage();
    assertEquals(
        model.resolve("config.json")
            + ": "
            + field
            + " is "
            + value
            + ", expected "
            + expected
            + " for a GGUF file; llama.cpp takes it for granted",
        message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "gpt_oss"})
  void model_ofAnotherArchitecture_isRefusedByItsName(String checkpoint) throws IOException {
    HuggingFaceFolder from = copy(checkpoint, "{}");
    String message =
        assertThrows(
                InputException.class,
                () -> GgufExport.model(from, "f32", temp.resolve("model.gguf")))
            .getMessage();
    assertEquals(
        model.resolve("config.json")
            + ": model_type is \""
            + checkpoint
            + "\", expected one of [cohere2, ernie4_5, gemma, gemma2, gemma3_text, glm4, granite,"
            + " llama, mistral, olmo2, olmoe, phi3, qwen2, qwen3, qwen3_moe, smollm3, starcoder2]"
            + " for a GGUF file",
        message);
  }

  /** As llama.cpp's gguf-split writes it: all metadata in the first file. */
  @Test
  void model_inSeveralFiles_isTheWhole() throws Exception {
    Path parts = Path.of(GgufFamiliesTest.class.getResource("/gguf/split").toURI());
    for (int i = 1; i <= 2; i++) {
      String name = "tiny-0000%d-of-00002.gguf".formatted(i);
      Files.copy(parts.resolve(name), temp.resolve(name));
    }
    Path second = temp.resolve("tiny-00002-of-00002.gguf");
    HuggingFaceFolder whole =
        HuggingFaceFolder.open(
            GgufModel.folder(
                Path.of(GgufFamiliesTest.class.getResource("/gguf/tiny.gguf").toURI()),
                temp.resolve("whole")));
    Path made = GgufModel.folder(second, temp.resolve("made"));
    assertEquals(GgufModel.at(temp).orElseThrow(), temp.resolve("tiny-00001-of-00002.gguf"));
    HuggingFaceFolder joined = HuggingFaceFolder.open(made);
    assertEquals(facts(whole), facts(joined));
    Map<String, float[]> expected = values(whole);
    Map<String, float[]> found = values(joined);
    assertEquals(expected.keySet(), found.keySet());
    expected.forEach((name, v) -> assertArrayEquals(v, found.get(name), name));
    Files.delete(second);
    assertEquals(
        "the GGUF model "
            + temp.resolve("tiny-00001-of-00002.gguf")
            + " is split, and tiny-00002-of-00002.gguf is missing; download all its files into one"
            + " folder",
        assertThrows(
                InputException.class,
                () ->
                    GgufModel.folder(
                        temp.resolve("tiny-00001-of-00002.gguf"), temp.resolve("other")))
            .getMessage());
  }
}
