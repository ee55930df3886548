package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizedConversation;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

class AlpacaDatasetTest {
  /** A token a character; nothing of the first message is trained on unless it is not masked. */
  private static final Tokenizer CHARACTERS =
      new Tokenizer() {
        @Override
        public int[] encode(String text) {
          return text.chars().toArray();
        }

        @Override
        public String decode(int[] ids) {
          return new String(ids, 0, ids.length);
        }

        @Override
        public TokenizedConversation tokenize(List<Message> messages) {
          int[] ids = messages.stream().flatMapToInt(m -> m.content().chars()).toArray();
          boolean[] masked = new boolean[ids.length];
          int at = 0;
          for (Message m : messages) {
            for (int i = 0; i < m.content().length(); i++) {
              masked[at++] = m.masked();
            }
          }
          return new TokenizedConversation(ids, masked);
        }

        @Override
        public String render(List<Message> messages, boolean addGenerationPrompt) {
          return messages.stream().map(Message::content).collect(Collectors.joining());
        }

        @Override
        public int[] prompt(List<Message> messages) {
          return encode(render(messages, true));
        }

        @Override
        public Set<Integer> stopIds() {
          return Set.of();
        }

        @Override
        public int vocabSize() {
          return 128;
        }

        @Override
        public void close() {}
      };

  private static AlpacaDataset dataset(Path file) {
    return new AlpacaDataset(List.of(file), false, false, null);
  }

  @Test
  void open_alpacaTiny_equalsGoldenIdsAndMasks() throws IOException {
    Path shared = Path.of("../../shared");
    assumeTrue(
        Files.isDirectory(shared.resolve("models")), "skipped: ../shared/models is not there");
    AlpacaDataset data =
        new AlpacaDataset(List.of(shared.resolve("data/alpaca_tiny.json")), true, false, null);
    JsonNode rows =
        new ObjectMapper()
            .readTree(shared.resolve("golden/smollm2/tokens.json").toFile())
            .get("rows");
    try (Tokenizer tokenizer =
        new TokenizerSpec(null, null).open(shared.resolve("models/smollm2-135m-instruct"))) {
      List<Example> examples = data.open(tokenizer, 8192);
      assertEquals(100, examples.size());
      for (int r = 0; r < rows.size(); r++) {
        JsonNode tokens = rows.get(r).get("tokens");
        JsonNode masked = rows.get(r).get("masked");
        int n = tokens.size();
        assertArrayEquals(
            IntStream.range(0, n).map(i -> tokens.get(i).asInt()).toArray(),
            examples.get(r).tokens(),
            "row " + r);
        assertArrayEquals(
            IntStream.range(0, n)
                .map(
                    i ->
                        i + 1 < n && masked.get(i + 1).asInt() == 0
                            ? tokens.get(i + 1).asInt()
                            : -100)
                .toArray(),
            examples.get(r).labels(),
            "row " + r);
      }
    }
  }

  @Test
  void open_jsonLinesAndArray_sameRows(@TempDir Path dir) throws IOException {
    String row = "{\"instruction\": \"a\", \"output\": \"b\"}";
    Path lines = Files.writeString(dir.resolve("rows.jsonl"), row + "\n" + row + "\n");
    Path array = Files.writeString(dir.resolve("rows.json"), "[" + row + "," + row + "]");
    assertEquals(2, dataset(lines).open(CHARACTERS, 1000).size());
    assertArrayEquals(
        dataset(lines).open(CHARACTERS, 1000).get(1).tokens(),
        dataset(array).open(CHARACTERS, 1000).get(1).tokens());
  }

  @Test
  void open_longRow_isCut(@TempDir Path dir) throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("r.jsonl"), "{\"instruction\": \"a\", \"output\": \"bcdef\"}");
    Example e = dataset(file).open(CHARACTERS, 4).get(0);
    assertEquals(4, e.tokens().length);
    assertEquals(-100, e.labels()[3]);
  }

  @Test
  void open_badRows_saidInOneLine(@TempDir Path dir) throws IOException {
    Path missing =
        Files.writeString(dir.resolve("a.json"), "[{\"instruction\": \"a\", \"answer\": \"b\"}]");
    assertEquals(
        missing
            + ": row 1: column 'output' is missing, found instruction, answer; name it with dataset.column_map.output=NAME",
        assertThrows(InputException.class, () -> dataset(missing).open(CHARACTERS, 9))
            .getMessage());
    Path typed =
        Files.writeString(dir.resolve("b.json"), "[{\"instruction\": \"a\", \"output\": 7}]");
    assertEquals(
        typed + ": row 1: column 'output' is 7, expected text",
        assertThrows(InputException.class, () -> dataset(typed).open(CHARACTERS, 9)).getMessage());
    Path empty = Files.writeString(dir.resolve("c.json"), "");
    assertEquals(
        "data file " + empty + " holds no rows; expected at least one",
        assertThrows(InputException.class, () -> dataset(empty).open(CHARACTERS, 9)).getMessage());
    Path array = Files.writeString(dir.resolve("d.json"), "[1]");
    assertEquals(
        array + ": row 1 is number, expected an object with columns",
        assertThrows(InputException.class, () -> dataset(array).open(CHARACTERS, 9)).getMessage());
    Path absent = dir.resolve("e.json");
    assertEquals(
        "data file " + absent + " does not exist; set dataset.data_files to a JSON or JSONL file",
        assertThrows(InputException.class, () -> dataset(absent).open(CHARACTERS, 9)).getMessage());
  }

  @Test
  void construct_unknownColumn_refused() {
    assertEquals(
        "dataset.column_map: 'answer' is no column of Alpaca; accepted are instruction, input, output",
        assertThrows(
                UsageException.class,
                () -> new AlpacaDataset(List.of(Path.of("x")), true, false, Map.of("answer", "y")))
            .getMessage());
  }

  @Test
  void batches_shuffled_everyRowOnceAndTheSameAgain() {
    Batches b = new Batches(10, 4, true, 3);
    assertEquals(3, b.perEpoch());
    List<Integer> first = IntStream.range(0, 3).boxed().flatMap(i -> b.of(0, i).stream()).toList();
    assertEquals(IntStream.range(0, 10).boxed().toList(), first.stream().sorted().toList());
    assertEquals(first, IntStream.range(0, 3).boxed().flatMap(i -> b.of(0, i).stream()).toList());
    assertEquals(2, b.of(1, 2).size());
  }
}
