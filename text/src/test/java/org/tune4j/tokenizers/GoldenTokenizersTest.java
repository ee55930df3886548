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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;

/** SentencePiece and tiktoken models against sentencepiece, tiktoken and torchtune. */
class GoldenTokenizersTest {
  private static final Path GOLDEN = Path.of("../../shared/golden/tokenizers");
  private static final Path NOWHERE = Path.of("nowhere");

  private static Tokenizer open(String kind, @Nullable Integer maxSeqLen) {
    assumeTrue(Files.isDirectory(GOLDEN), "skipped: ../shared/golden/tokenizers is not there");
    return kind.equals("llama2")
        ? TokenizerSpec.llama2(GOLDEN.resolve("sentencepiece_2000.model"), maxSeqLen, null)
            .open(NOWHERE)
        : TokenizerSpec.llama3(GOLDEN.resolve("tiktoken_small.model"), maxSeqLen, null)
            .open(NOWHERE);
  }

  private static JsonNode json(String name) throws IOException {
    return new ObjectMapper().readTree(GOLDEN.resolve(name).toFile());
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  private static void assertConversation(
      JsonNode expected, TokenizedConversation actual, String what) {
    assertArrayEquals(ints(expected.get("tokens")), actual.tokens(), what);
    int[] masked = new int[actual.masked().length];
    for (int i = 0; i < masked.length; i++) {
      masked[i] = actual.masked()[i] ? 1 : 0;
    }
    assertArrayEquals(ints(expected.get("masked")), masked, what);
  }

  private static List<Message> messages(JsonNode conversation) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : conversation.get("messages")) {
      messages.add(
          new Message(
              m.get("role").asText(), m.get("content").asText(), m.get("masked").asBoolean()));
    }
    return messages;
  }

  @Test
  void encodeAndDecode_awkwardStrings_equalSentencePiece() throws IOException {
    try (Tokenizer tokenizer = open("llama2", null)) {
      for (JsonNode s : json("strings.json")) {
        int[] expected = ints(s.get("sentencepiece"));
        assertArrayEquals(expected, tokenizer.encode(s.get("text").asText()), s.toString());
        assertEquals(s.get("sentencepiece_decoded").asText(), tokenizer.decode(expected));
      }
    }
  }

  @Test
  void encode_awkwardStrings_equalsTiktokenAndDecodesToTheText() throws IOException {
    try (Tokenizer tokenizer = open("llama3", null)) {
      for (JsonNode s : json("strings.json")) {
        int[] expected = ints(s.get("tiktoken"));
        assertArrayEquals(expected, tokenizer.encode(s.get("text").asText()), s.toString());
        assertEquals(s.get("text").asText(), tokenizer.decode(expected));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3"})
  void tokenize_conversations_equalTorchtune(String kind) throws IOException {
    try (Tokenizer tokenizer = open(kind, null)) {
      int compared = 0;
      for (Map.Entry<String, JsonNode> c : json("messages.json").properties()) {
        if (c.getValue().has("messages")) {
          assertConversation(
              c.getValue().get(kind), tokenizer.tokenize(messages(c.getValue())), c.getKey());
          compared++;
        }
      }
      assertEquals(4, compared);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 12})
  void tokenize_longerThanMaxSeqLen_endsInEos(int limit) throws IOException {
    try (Tokenizer tokenizer = open("llama2", limit)) {
      JsonNode all = json("messages.json");
      assertConversation(
          all.get("truncated_" + limit).get("llama2"),
          tokenizer.tokenize(messages(all.get("two_turns"))),
          "limit " + limit);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3"})
  void stream_idsOneByOne_giveTheWholeText(String kind) throws IOException {
    try (Tokenizer tokenizer = open(kind, null)) {
      for (JsonNode s : json("strings.json")) {
        int[] ids = tokenizer.encode(s.get("text").asText());
        StringBuilder text = new StringBuilder();
        TokenStream stream = tokenizer.stream();
        for (int id : ids) {
          String part = stream.next(id);
          assertTrue(part.indexOf('\uFFFD') < 0, part);
          text.append(part);
        }
        assertEquals(tokenizer.decode(ids), text.toString(), Arrays.toString(ids));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3"})
  void decode_idBeyondTheVocabulary_saysSo(String kind) {
    try (Tokenizer tokenizer = open(kind, null)) {
      int n = tokenizer.vocabSize();
      assertEquals(
          "token id %d is outside the tokenizer's %d ids; use the tokenizer that belongs to the model"
              .formatted(n, n),
          assertThrows(InputException.class, () -> tokenizer.decode(new int[] {1, n}))
              .getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({"llama2, 1, 2", "llama3, 128000, 128001"})
  void bosIdAndEosId_areWhatStandsAroundAText(String kind, int bos, int eos) {
    try (Tokenizer tokenizer = open(kind, null)) {
      assertEquals(OptionalInt.of(bos), tokenizer.bosId());
      assertEquals(OptionalInt.of(eos), tokenizer.eosId());
      assertArrayEquals(new int[] {bos, eos}, tokenizer.encodeText("", true));
    }
  }

  @Test
  void open_llama2ModelAsLlama3_namesTheComponent() {
    assumeTrue(Files.isDirectory(GOLDEN), "skipped: ../shared/golden/tokenizers is not there");
    Path file = GOLDEN.resolve("sentencepiece_2000.model");
    assertEquals(
        "tokenizer %s is a SentencePiece model, as Llama2's; set tokenizer._component_=llama2_tokenizer"
            .formatted(file),
        assertThrows(
                InputException.class, () -> TokenizerSpec.llama3(file, null, null).open(NOWHERE))
            .getMessage());
  }

  @Test
  void open_truncatedSentencePiece_isAnInputException(@TempDir Path dir) throws IOException {
    assumeTrue(Files.isDirectory(GOLDEN), "skipped: ../shared/golden/tokenizers is not there");
    byte[] bytes = Files.readAllBytes(GOLDEN.resolve("sentencepiece_2000.model"));
    Path file = Files.write(dir.resolve("tokenizer.model"), Arrays.copyOf(bytes, 10_000));
    String message =
        String.valueOf(
            assertThrows(
                    InputException.class, () -> TokenizerSpec.llama2(dir, null, null).open(dir))
                .getMessage());
    assertTrue(
        message.startsWith("tokenizer " + file + " cannot be read: it is truncated"), message);
    assertEquals(1, message.lines().count());
  }
}
