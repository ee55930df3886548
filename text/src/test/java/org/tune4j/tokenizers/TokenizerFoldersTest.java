package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Folders of tokenizers against transformers: {@code tokenizers/folders.json}. */
class TokenizerFoldersTest {
  private static final Path RESOURCES = Path.of("src/test/resources/tokenizers");
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir Path folder;

  static Stream<Arguments> folders() throws IOException {
    JsonNode all = MAPPER.readTree(RESOURCES.resolve("folders.json").toFile());
    return StreamSupport.stream(all.spliterator(), false)
        .map(f -> Arguments.of(f.path("name").asText(), f));
  }

  private void write(String tokenizer, JsonNode files) throws IOException {
    if (tokenizer.equals("tiny") || tokenizer.equals("prefix")) {
      ObjectNode json = (ObjectNode) MAPPER.readTree(RESOURCES.resolve("tokenizer.json").toFile());
      if (tokenizer.equals("prefix")) {
        json.putObject("pre_tokenizer")
            .put("type", "ByteLevel")
            .put("add_prefix_space", true)
            .put("trim_offsets", true)
            .put("use_regex", true);
      }
      MAPPER.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    } else {
      Files.copy(RESOURCES.resolve(tokenizer + ".model"), folder.resolve("tokenizer.model"));
    }
    for (Map.Entry<String, JsonNode> file : files.properties()) {
      MAPPER.writeValue(folder.resolve(file.getKey()).toFile(), file.getValue());
    }
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("folders")
  void encode_folder_equalsTransformers(String name, JsonNode expected) throws IOException {
    write(expected.path("tokenizer").asText(), expected.path("files"));
    Map<String, String> special = new HashMap<>();
    expected
        .path("special")
        .properties()
        .forEach(e -> special.put(e.getKey(), e.getValue().asText()));
    assertEquals(special, TokenizerConfig.beside(folder).specialTokens());
    try (Tokenizer tokenizer = new TokenizerSpec(folder, null).open(folder)) {
      for (JsonNode row : expected.path("rows")) {
        String text = row.path("text").asText();
        assertArrayEquals(ints(row.path("ids")), tokenizer.encode(text), text);
        assertArrayEquals(ints(row.path("alone")), tokenizer.encodeAlone(text), text);
      }
    }
  }
}
