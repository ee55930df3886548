package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;

class SmolLm2TokenizerTest {
  private static final Path SHARED = Path.of("../../shared");

  private static Tokenizer open() {
    Path folder = SHARED.resolve("models/smollm2-135m-instruct");
    assumeTrue(Files.isDirectory(folder), "skipped: ../shared/models is not there");
    return new TokenizerSpec(null, null).open(folder);
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @Test
  void encodeAndDecode_awkwardStrings_equalGolden() throws IOException {
    try (Tokenizer tokenizer = open()) {
      JsonNode strings =
          new ObjectMapper().readTree(SHARED.resolve("golden/tokenizers/strings.json").toFile());
      assertTrue(strings.size() >= 20);
      for (JsonNode s : strings) {
        int[] expected = ints(s.get("smollm2_json"));
        assertArrayEquals(expected, tokenizer.encode(s.get("text").asText()), s.toString());
        assertEquals(s.get("smollm2_decoded").asText(), tokenizer.decode(expected));
      }
    }
  }

  /** Its special_tokens_map.json, which transformers reads first, names another EOS. */
  @Test
  void bosIdAndEosId_areTransformers() {
    try (Tokenizer tokenizer = open()) {
      assertEquals(OptionalInt.of(1), tokenizer.bosId());
      assertEquals(OptionalInt.of(1), tokenizer.eosId());
      assertEquals(Set.of(1, 2), tokenizer.stopIds());
    }
  }

  @Test
  void open_missingFile_saysWhatToDo(@TempDir Path dir) {
    InputException e =
        assertThrows(InputException.class, () -> new TokenizerSpec(null, null).open(dir));
    assertEquals(
        "tokenizer %s does not exist; copy the model's tokenizer.json there or set tokenizer.path"
            .formatted(dir.resolve("tokenizer.json")),
        e.getMessage());
  }

  @Test
  void open_truncatedFile_isAnInputException(@TempDir Path dir) throws IOException {
    Path file =
        Files.writeString(dir.resolve("tokenizer.json"), "{\"version\": \"1.0\", \"model\": {");
    InputException e =
        assertThrows(InputException.class, () -> new TokenizerSpec(file, null).open(dir));
    assertTrue(
        e.getMessage().startsWith("tokenizer " + file + " cannot be read: "), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void tokenize_userTextLikeItsHeader_masksTheHeader() {
    try (Tokenizer tokenizer = open()) {
      TokenizedConversation c =
          tokenizer.tokenize(
              List.of(
                  new Message("user", "user", true), new Message("assistant", "assistant", false)));
      StringBuilder trained = new StringBuilder();
      for (int i = 0; i < c.tokens().length; i++) {
        if (!c.masked()[i]) {
          trained.append(tokenizer.decode(new int[] {c.tokens()[i]}));
        }
      }
      assertEquals("assistant<|im_end|>", trained.toString());
    }
  }
}
