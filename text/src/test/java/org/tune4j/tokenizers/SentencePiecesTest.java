package org.tune4j.tokenizers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;

/** {@code tokenizer.model} against sentencepiece, and against files that would harm it. */
class SentencePiecesTest {
  private static final Path RESOURCES = Path.of("src/test/resources/tokenizers");

  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(RESOURCES.resolve(name + ".model"));
  }

  private static SentencePieces open(byte[] bytes) throws IOException {
    return new SentencePieces(SentencePieceModel.parse(bytes));
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"bpe", "unigram"})
  void encodeAndDecode_awkwardTexts_equalSentencePiece(String name) throws IOException {
    SentencePieces pieces = open(bytes(name));
    for (JsonNode row :
        new ObjectMapper().readTree(RESOURCES.resolve("sentencepiece.json").toFile())) {
      String text = row.path("text").asText();
      JsonNode expected = row.path(name);
      int[] ids = ints(expected.path("ids"));
      assertArrayEquals(ids, pieces.encode(text), text);
      assertEquals(expected.path("decoded").asText(), pieces.decode(ids), text);
      int[] some = ints(expected.path("some"));
      assertEquals(
          expected.path("some_decoded").asText(), pieces.decode(some), Arrays.toString(some));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bpe", "unigram"})
  void encode_aMillionCharacters_areDecodedToTheText(String name) throws IOException {
    SentencePieces pieces = open(bytes(name));
    String text = "the end of a line".repeat(60_000);
    assertEquals(text, pieces.decode(pieces.encode(text)));
  }

  /** What is read with a changed byte is refused, or read and used without any other exception. */
  @ParameterizedTest
  @ValueSource(strings = {"bpe", "unigram"})
  void parse_changedBytes_areRefusedOrUsed(String name) throws IOException {
    byte[] sound = bytes(name);
    Random random = new Random(7);
    int refused = 0;
    for (int i = 0; i < 1500; i++) {
      byte[] broken =
          Arrays.copyOf(sound, i % 3 == 0 ? random.nextInt(sound.length) : sound.length);
      for (int n = 0; n < 3 && broken.length > 0; n++) {
        // The settings and the map of characters lie at the end.
        int at =
            broken.length - 1 - random.nextInt(Math.min(broken.length, i % 2 == 0 ? 600 : 6000));
        broken[at] = (byte) random.nextInt(256);
      }
      try {
        SentencePieces pieces = open(broken);
        pieces.decode(pieces.encode("a b\u00a0Ａ½ e\u0301<sep>\u6771"));
      } catch (IOException e) {
        refused++;
      }
    }
    assertTrue(refused > 500, "refused " + refused);
  }

  /** A map of one unit, which leads to the 200th of them, or to a text behind the end. */
  @ParameterizedTest
  @CsvSource({"0, 51200", "256, 2147483647"})
  void parse_mapThatLeadsBehindItsEnd_isRefused(int where, int unit) {
    ByteBuffer map = ByteBuffer.allocate(4 + 4 * 512 + 2).order(ByteOrder.LITTLE_ENDIAN);
    map.putInt(4 * 512);
    // From the root to 'a' at place 97, whose value is at place 256.
    map.putInt(4 + 4 * 97, 97 | 1 << 8 | (97 ^ 256) << 10);
    map.putInt(4 + 4 * 256, 1 << 31);
    byte[] sound = map.array();
    assertEquals("", assertDoesNotThrowMap(sound).longest("a", 0).replacement());
    map.putInt(4 + 4 * where, unit << (where == 0 ? 10 : 0));
    assertEquals(
        "its precompiled_charsmap is broken",
        assertThrows(IOException.class, () -> CharMap.parse(map.array())).getMessage());
  }

  private static CharMap assertDoesNotThrowMap(byte[] map) {
    try {
      return CharMap.parse(map);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void open_wordModel_isOneLineThatNamesTheFile(@TempDir Path dir) throws IOException {
    // A piece <unk> of type 2, and a trainer_spec of model_type 3.
    byte[] model = {10, 9, 10, 5, '<', 'u', 'n', 'k', '>', 24, 2, 18, 2, 24, 3};
    Path file = Files.write(dir.resolve("tokenizer.model"), model);
    assertEquals(
        "tokenizer %s cannot be read: its model_type is 3, expected 1 (unigram) or 2 (BPE); fetch the file again"
            .formatted(file),
        assertThrows(InputException.class, () -> TokenizerSpec.llama2(file, null, null).open(dir))
            .getMessage());
  }
}
