package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;

class TokenizerJsonTest {
  private static final Path FILE = Path.of("tokenizer.json");

  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"decoder":{"start":[0,1e999]}} | the number at '/decoder/start/1' is infinite in double precision
          {"post_processor":{"processors":[{"single":[{"Sequence":{"id":"B","type_id":0}}]}]}} | post_processor's template for one sequence holds sequence B, expected A
          {"post_processor":{"special_tokens":{"<s>":{"ids":[1,2],"tokens":["<s>"]}}}} | post_processor's special token '<s>' has 2 ids, expected 1, one a token
          {"decoder":{"decoders":[{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":1}]}} | its decoder strips 1 characters at the end, expected 0
          {"model":{"continuing_subword_prefix":"##","merges":["a ##b","c d"]}} | the merge "c d" does not go on with continuing_subword_prefix '##'
          {"model":{"continuing_subword_prefix":"##","merges":[["a","b"]]}} | the merge ["a","b"] does not go on with continuing_subword_prefix '##'
          {"model":{"vocab":{"a":4294967295}}} | model.vocab has the id 4294967295, expected 0 to 2147483647
          {"decoder":{"decoders":[{"content":"a\\ud83d"}]}} | a text at '/decoder/decoders/0/content' contains a lone surrogate
          {"normalizer":{"normalizers":[{"type":"Precompiled","precompiled_charsmap":"AAAAAA=="}]}} | its normalizer's precompiled_charsmap is broken
          {"added_tokens":[{"id":-1}]} | added_tokens has the id -1, expected 0 to 2147483647
          """)
  void check_whatEndsTheProcess_isRefused(String text, String rule) throws IOException {
    JsonNode json = json(text);
    assertEquals(
        "tokenizer tokenizer.json: " + rule + "; fetch the file again",
        assertThrows(InputException.class, () -> TokenizerJson.check(FILE, json)).getMessage());
  }

  @Test
  void check_usualParts_areAccepted() throws IOException {
    JsonNode json =
        json(
            "{\"model\":{\"continuing_subword_prefix\":null,\"vocab\":[[\"a\",-1.5]],\"merges\":[\"a"
                + " b\"]},"
                + "\"decoder\":{\"type\":\"Strip\",\"start\":1,\"stop\":0},\"post_processor\":null,"
                + "\"added_tokens\":[{\"id\":0}]}");
    assertDoesNotThrow(() -> TokenizerJson.check(FILE, json));
  }
}
