package org.tune4j.cli.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.checkpoint.GgufModel;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.cli.Tune;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.wiring.Wiring;

/** {@code tune convert}, and models that are read from what it writes. */
class ConvertTest {
  private static final String TINY = "../models/src/test/resources/golden/tiny/";
  private static final Path GGUF = Path.of("../models/src/test/resources/gguf/tiny.gguf");
  private static final Path SHARED = Path.of("../../shared");
  private static final String SMOLLM2 =
      "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";

  @TempDir Path temp;
  private String err = "";

  private int tune(Object... args) {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    int code =
        Tune.execute(
            Wiring.installed(out),
            Arrays.stream(args).map(Object::toString).toArray(String[]::new),
            out,
            new PrintStream(said, true, StandardCharsets.UTF_8));
    err = said.toString(StandardCharsets.UTF_8).strip();
    return code;
  }

  @Test
  void convert_ggufToFolderAndBack_givesEach() throws IOException {
    assertEquals(0, tune("convert", GGUF, temp.resolve("model")), err);
    assertEquals(12, HuggingFaceFolder.open(temp.resolve("model")).weights().size());
    Path file = temp.resolve("model.gguf");
    assertEquals(0, tune("convert", temp.resolve("model"), file, "--type", "q8_0"), err);
    assertEquals("FROM ./model.gguf\n", Files.readString(temp.resolve("Modelfile")));
    assertEquals(2, tune("convert", temp.resolve("model"), file));
    assertEquals("tune: " + file + " exists; name another output", err);
  }

  @Test
  void convert_adapter_isAFileForLlamaCpp() throws IOException {
    Path file = temp.resolve("adapter.gguf");
    assertEquals(
        0,
        tune("convert", TINY + "lora/qv_r8/initial", file, "--model", TINY + "families/llama2"),
        err);
    assertTrue(Files.readString(temp.resolve("Modelfile")).endsWith("\nADAPTER ./adapter.gguf\n"));
    assertEquals(2, tune("convert", TINY + "lora/qv_r8/initial", temp.resolve("folder")));
    assertTrue(err.endsWith("merge it with tune merge for a model's folder"), err);
  }

  private static JsonNode strings() throws IOException {
    return new ObjectMapper().readTree(SHARED.resolve("golden/tokenizers/strings.json").toFile());
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @Test
  void tokenizer_ofSmolLm2sGguf_isItsTokenizerJson() throws IOException {
    assumeTrue(Files.exists(SHARED.resolve(SMOLLM2)), "skipped: ../shared/models is not there");
    Path folder = GgufModel.folder(SHARED.resolve(SMOLLM2), temp);
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      for (JsonNode s : strings()) {
        int[] expected = ints(s.get("smollm2_json"));
        assertArrayEquals(expected, tokenizer.encode(s.get("text").asText()), s.toString());
        assertEquals(s.get("smollm2_decoded").asText(), tokenizer.decode(expected));
      }
    }
  }

  @Test
  void tokenizer_sentencePieceThereAndBack_isTheSame() throws IOException {
    Path model = Path.of("src/test/resources/fuzz/sentencepiece-a.model");
    Path folder = Files.createDirectory(temp.resolve("pieces"));
    Files.copy(model, folder.resolve("tokenizer.model"));
    Files.writeString(
        folder.resolve("config.json"),
        "{\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":64,"
            + "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"vocab_size\":300,"
            + "\"tie_word_embeddings\":true}");
    SafetensorsWriter.write(
        folder.resolve("model.safetensors"),
        List.of(
            new StoredTensor(
                "model.embed_tokens.weight",
                SafetensorsType.BF16,
                List.of(300L, 64L),
                channel -> channel.write(ByteBuffer.allocate(300 * 64 * 2)))));
    Path file = temp.resolve("pieces.gguf");
    assertEquals(0, tune("convert", folder, file), err);
    Path back = GgufModel.folder(file, temp);
    for (TokenizerSpec spec :
        List.of(TokenizerSpec.llama2(null, null, null), new TokenizerSpec(null, null))) {
      try (Tokenizer tokenizer = spec.open(back);
          Tokenizer original = spec.open(folder)) {
        for (String text :
            List.of("Hello world", "  two  blanks ", "caf\u00e9 \ud83d\ude00\n", "</s> a", "")) {
          assertArrayEquals(original.encode(text), tokenizer.encode(text), text);
          assertArrayEquals(original.encodeAlone(text), tokenizer.encodeAlone(text), text);
        }
      }
    }
  }

  /** The hash is that of what ../shared/models/dequantise.py writes, by the tensors' names. */
  @Tag("long")
  @Test
  void convert_smolLm2sGguf_isDequantised() throws Exception {
    assumeTrue(Files.exists(SHARED.resolve(SMOLLM2)), "skipped: ../shared/models is not there");
    assertEquals(0, tune("convert", SHARED.resolve(SMOLLM2), temp.resolve("out")), err);
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    HuggingFaceFolder model = HuggingFaceFolder.open(temp.resolve("out"));
    for (Map.Entry<String, HuggingFaceFolder.Weight> e :
        new TreeMap<>(model.weights()).entrySet()) {
      hash.update(e.getKey().getBytes(StandardCharsets.UTF_8));
      ByteBuffer bytes = ByteBuffer.allocate((int) e.getValue().entry().length());
      try (FileChannel in = FileChannel.open(e.getValue().file())) {
        e.getValue().entry().layout().read(in, e.getValue().entry(), 0, bytes);
      }
      hash.update(bytes.flip());
    }
    assertEquals(DEQUANTISED, HexFormat.of().formatHex(hash.digest()));
  }

  private static final String DEQUANTISED =
      "08587497151051bb64ba4ae8288856623bb8c6cd5dc22bb3bda06ebda07a1bcd";
}
