package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Which tokens begin and end a text, by the files beside a {@code tokenizer.json}. Its vocabulary
 * has {@code <s>} 1, {@code </s>} 2, which is an added token, too, and {@code A} 65.
 */
class SpecialTokensTest {
  private static final Path TINY = Path.of("../docs/tiny/tokenizer.json");

  @TempDir Path folder;

  private void write(String name, @Nullable String text) throws IOException {
    if (text != null) {
      Files.writeString(folder.resolve(name), text);
    }
  }

  private Tokenizer open() {
    return new TokenizerSpec(folder, null).open(folder);
  }

  private static OptionalInt id(@Nullable Integer id) {
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"bos_token": "<s>", "eos_token": "</s>"}    |                            |                       | 1  | 2
          {"bos_token": {"content": "<s>"}}            |                            |                       | 1  |
          {"bos_token": null, "eos_token": "</s>"}     |                            |                       |    | 2
          {"bos_token": null, "eos_token": "</s>"}     | {"bos_token": "<s>"}       |                       | 1  | 2
          {"bos_token": null, "added_tokens_decoder": {}} | {"bos_token": "<s>"}    |                       |    |
          {"eos_token": "</s>"}                        | {"bos_token": "<s>"}       |                       | 1  | 2
                                                       | {"bos_token": {"content": "<s>"}, "eos_token": "</s>"} | | 1 | 2
          {"bos_token": "A", "eos_token": "</s>"}      | {"bos_token": "<s>"}       |                       | 1  | 2
          {"bos_token": "A", "added_tokens_decoder": {}} | {"bos_token": "<s>"}     |                       | 65 |
          {"eos_token": "A"}                           |                            | {"eos_token_id": [2]} |    | 65
                                                       |                            | {"eos_token_id": [2, 1]} | | 2
                                                       |                            | {"bos_token_id": 1}   |    |
                                                       |                            |                       |    |
          """)
  void bosIdAndEosId_areWhatTheFilesName(
      @Nullable String config,
      @Nullable String map,
      @Nullable String generation,
      @Nullable Integer bos,
      @Nullable Integer eos)
      throws IOException {
    Files.copy(TINY, folder.resolve("tokenizer.json"));
    write("tokenizer_config.json", config);
    write("special_tokens_map.json", map);
    write("generation_config.json", generation);
    try (Tokenizer tokenizer = open()) {
      assertEquals(id(bos), tokenizer.bosId());
      assertEquals(id(eos), tokenizer.eosId());
    }
  }

  @Test
  void bosId_vocabularyOfPairs_isThePlaceInIt() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(TINY.toFile());
    ArrayNode vocab = mapper.createArrayNode();
    for (String piece : new String[] {"<unk>", "A", "</s>", "<s>"}) {
      vocab.addArray().add(piece).add(-1.5);
    }
    JsonNode model =
        mapper.createObjectNode().put("type", "Unigram").put("unk_id", 0).set("vocab", vocab);
    mapper.writeValue(folder.resolve("tokenizer.json").toFile(), json.set("model", model));
    write("tokenizer_config.json", "{\"bos_token\": \"<s>\"}");
    try (Tokenizer tokenizer = open()) {
      assertEquals(OptionalInt.of(3), tokenizer.bosId());
    }
  }

  /** What changes ids or masks makes another tokenizer. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "special_tokens_map.json | {\"bos_token\": \"<s>\"} | {\"bos_token\": \"A\"}",
        "generation_config.json | {\"eos_token_id\": 1} | {\"eos_token_id\": 2}"
      })
  void fingerprint_anotherFileBesideIt_isAnother(String name, String one, String other)
      throws IOException {
    Files.copy(TINY, folder.resolve("tokenizer.json"));
    write(name, one);
    String before;
    try (Tokenizer tokenizer = open()) {
      before = tokenizer.fingerprint();
    }
    write(name, other);
    try (Tokenizer tokenizer = open()) {
      assertNotEquals(before, tokenizer.fingerprint());
    }
  }
}
