package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.tune4j.data.DatasetTestFiles.CHARACTERS;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.open;
import static org.tune4j.data.DatasetTestFiles.shown;
import static org.tune4j.data.DatasetTestFiles.write;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** Rows of answers that are rated; what is trained on stands in brackets. */
class PreferenceDatasetTest {
  private static final List<String> HI = List.of("Hi?[Yes.]", "Hi?[No.]");

  @TempDir Path dir;

  private Dataset pairs(FileOptions files) {
    return open(PreferenceDataset.preference("", null, false, null, files), dir);
  }

  private Dataset pairs(String row) {
    return pairs(files(write(dir, "rows.jsonl", row)));
  }

  private static List<Double> ratings(Dataset rows) {
    return IntStream.range(0, rows.size()).mapToObj(i -> rows.get(i).facts().ratings()[0]).toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        // Texts, as StackExchange's and TRL's rows.
        "{\"prompt\": \"Hi?\", \"chosen\": \"Yes.\", \"rejected\": \"No.\"}",
        // TRL's conversations.
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"Hi?\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"Yes.\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"No.\"}]}",
        // torchtune's, and those with the prompt a second time.
        "{\"chosen\": [{\"role\": \"user\", \"content\": \"Hi?\"}, {\"role\": \"assistant\", \"content\": \"Yes.\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"Hi?\"}, {\"role\": \"assistant\", \"content\": \"No.\"}]}",
        "{\"prompt\": \"Hi?\", \"chosen\": [{\"role\": \"user\", \"content\": \"Hi?\"}, {\"role\": \"assistant\", \"content\": \"Yes.\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"Hi?\"}, {\"role\": \"assistant\", \"content\": \"No.\"}]}",
        // Anthropic's, whole and with a prompt.
        "{\"chosen\": \"\\n\\nHuman: Hi?\\n\\nAssistant: Yes.\", \"rejected\": \"\\n\\nHuman: Hi?\\n\\nAssistant: No.\"}",
        "{\"prompt\": \"\\n\\nHuman: Hi?\\n\\nAssistant:\", \"chosen\": \"Yes.\", \"rejected\": \"No.\"}",
      })
  void everyForm_givesThePair(String row) {
    Dataset rows = pairs(row);
    assertEquals(HI, shown(rows));
    assertEquals(List.of(1.0, 0.0), ratings(rows));
    assertEquals("", String.join("", rows.report().notes().keySet()));
  }

  @Test
  void turnsInCommon_areThePrompt() {
    Dataset rows =
        pairs(
            "{\"chosen\": \"\\n\\nHuman: a\\n\\nAssistant: b\\n\\nHuman: c\\n\\nAssistant: d\", \"rejected\": \"\\n\\nHuman: a\\n\\nAssistant: b\\n\\nHuman: c\\n\\nAssistant: e\\n\\nHuman: f\\n\\nAssistant: g\"}");
    assertEquals(List.of("abc[d]", "abc[e]f[g]"), shown(rows));
  }

  @Test
  void otherColumns_csv_aSlice_andASystemTurn() {
    Path csv =
        write(
            dir, "rows.csv", "question,response_j,response_k", "a,b,c", "d,e,f", "g,h,i", "j,k,l");
    FileOptions half = new FileOptions(List.of(csv), false, null, "train[50%:]", OnBadRow.STOP);
    assertEquals(
        List.of("g[h]", "g[i]", "j[k]", "j[l]"),
        shown(open(PreferenceDataset.stackExchange("", null, false, half), dir)));
    Map<String, String> names =
        Map.of("prompt", "question", "chosen", "response_j", "rejected", "response_k");
    DatasetSpec prompted = PreferenceDataset.preference("", names, true, "S", files(csv));
    assertEquals("S[ab]", shown(open(prompted, dir)).get(0));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"b\"}|1:1: row 1: chosen and rejected are the same, expected two answers; leave such rows out with dataset.on_bad_row=skip",
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \" \"}|1:44: row 1: column 'rejected' holds an empty answer; fill it, or leave such rows out with dataset.on_bad_row=skip",
        "{\"chosen\": \"b\", \"rejected\": \"c\"}|1:12: row 1: column 'chosen' answers no turn of a user; name the prompt's column with dataset.column_map.prompt=NAME, or write the whole conversation as a list of turns",
        "{\"prompt\": \"a\", \"chosen\": \"b\"}|1:1: row 1: column 'rejected' is missing, found prompt, chosen; name it with dataset.column_map.rejected=NAME",
        "{\"chosen\": \"\\n\\nHuman: a\\n\\nAssistant: b\", \"rejected\": \"\\n\\nHuman: c\\n\\nAssistant: b\"}|1:1: row 1: chosen and rejected part at turn 1, which is not the assistant's in both; expected the same prompt",
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": [{\"role\": \"user\", \"content\": \"c\"}]}|1:44: row 1: column 'rejected' ends with a turn of 'user', expected the assistant's",
        "{\"prompt\": \"aaaaaaaa\", \"chosen\": \"b\", \"rejected\": \"c\"}|1:1: row 1: the prompt takes all of tokenizer.max_seq_len=8, so that nothing is left of column 'chosen'; raise it, or leave such rows out with dataset.on_bad_row=skip",
        "{\"prompt\": \"aaaaaa\", \"chosen\": \"bbb\", \"rejected\": \"bbc\"}|1:1: row 1: chosen and rejected are the same in their first 8 tokens (max_seq_len), expected two answers; leave such rows out with dataset.on_bad_row=skip",
      })
  void pairsThatTeachNothing_areNamed(String row, String expected) {
    Path file =
        write(
            dir, "rows.jsonl", row, "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}");
    DatasetSpec spec = PreferenceDataset.preference("", null, false, null, files(file));
    DataCache cache = new DataCache(dir);
    assertEquals(
        file + ":" + expected,
        assertThrows(InputException.class, () -> spec.open(CHARACTERS, 8, cache)).getMessage());
    FileOptions skipping = new FileOptions(List.of(file), false, null, "train", OnBadRow.SKIP);
    Dataset rest =
        PreferenceDataset.preference("", null, false, null, skipping).open(CHARACTERS, 8, cache);
    assertEquals(List.of("a[b]", "a[c]"), shown(rest));
    assertEquals(1, rest.report().skipped());
  }

  @Test
  void margin_isAddedToTheChosenAnswersRating() {
    Path file =
        write(
            dir,
            "rows.jsonl",
            "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\", \"margin\": 0.5}",
            "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\", \"margin\": null}");
    Dataset rows = pairs(files(file));
    assertEquals(List.of(1.5, 0.0, 1.0, 0.0), ratings(rows));
    Path bad =
        write(
            dir,
            "bad.jsonl",
            "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\", \"margin\": -1}");
    assertEquals(
        bad + ":1:59: row 1: column 'margin' is -1, expected a number of 0 or more",
        assertThrows(InputException.class, () -> pairs(files(bad))).getMessage());
  }

  @Test
  void packs_areRefused() {
    FileOptions packed =
        new FileOptions(List.of(Path.of("x.jsonl")), true, null, "train", OnBadRow.STOP);
    assertEquals(
        "dataset.packed=true is not for rated answers and labelled texts; set it to false: the rows of a micro-batch lie end to end without padding anyway",
        assertThrows(UsageException.class, () -> pairs(packed)).getMessage());
  }

  @Test
  void mixedByWeight_pairsStayTogether() {
    Path few =
        write(dir, "few.jsonl", "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}");
    Path more =
        write(
            dir,
            "more.jsonl",
            "{\"prompt\": \"d\", \"chosen\": \"e\", \"rejected\": \"f\"}",
            "{\"prompt\": \"g\", \"chosen\": \"h\", \"rejected\": \"i\"}");
    Dataset mixed =
        open(
            new ConcatDataset(
                List.of(
                    PreferenceDataset.preference("", null, false, null, files(few)),
                    PreferenceDataset.preference("", null, false, null, files(more))),
                List.of(1.0, 1.0)),
            dir);
    assertEquals(
        List.of("a[b]", "a[c]", "d[e]", "d[f]", "a[b]", "a[c]", "g[h]", "g[i]"), shown(mixed));
    assertEquals(2, mixed.rowsTogether());
  }

  @Test
  void ktoRows_areRatedOneByOne() {
    Path csv = write(dir, "rows.csv", "prompt,completion,label", "a,b,True", "c,d,0");
    Dataset rows = open(KtoDataset.kto("", null, null, files(csv)), dir);
    assertEquals(List.of("a[b]", "c[d]"), shown(rows));
    assertEquals(List.of(1.0, 0.0), ratings(rows));
    Path turns =
        write(
            dir,
            "turns.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}, {\"role\": \"user\", \"content\": \"c\"}, {\"role\": \"assistant\", \"content\": \"d\"}], \"good\": true}");
    assertEquals(
        List.of("abc[d]"),
        shown(
            open(
                KtoDataset.kto(
                    "", Map.of("completion", "messages", "label", "good"), null, files(turns)),
                dir)));
    Path odd = write(dir, "odd.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\", \"label\": 2}");
    assertEquals(
        odd + ":1:45: row 1: column 'label' is 2, expected true or false",
        assertThrows(
                InputException.class, () -> open(KtoDataset.kto("", null, null, files(odd)), dir))
            .getMessage());
  }

  /**
   * TRL's ids of SmolLM2's prompt with each answer. Its transformers 5 builds a GPT2Tokenizer
   * without the Digits of its tokenizer.json, which matter in blanks before a digit.
   */
  @Test
  void goldenPairs_haveTrlsTokens() throws IOException {
    Path shared = Path.of("../../shared");
    Path golden = shared.resolve("golden/smollm2_preferences/tokens.json");
    assumeTrue(Files.exists(golden), "skipped: ../shared is not there");
    JsonNode expected = new ObjectMapper().readTree(golden.toFile());
    Path model = shared.resolve("models/smollm2-135m-instruct");
    Path built = Files.createDirectories(dir.resolve("built"));
    Files.copy(model.resolve("tokenizer_config.json"), built.resolve("tokenizer_config.json"));
    ObjectNode json =
        (ObjectNode) new ObjectMapper().readTree(model.resolve("tokenizer.json").toFile());
    json.set("pre_tokenizer", json.path("pre_tokenizer").path("pretokenizers").path(1));
    new ObjectMapper().writeValue(built.resolve("tokenizer.json").toFile(), json);
    try (Tokenizer tokenizer = new TokenizerSpec(null, null).open(built)) {
      Dataset rows =
          PreferenceDataset.preference(
                  "", null, false, null, files(shared.resolve("data/preferences_tiny.jsonl")))
              .open(tokenizer, Integer.MAX_VALUE, new DataCache(dir));
      for (int i = 0; i < expected.size(); i++) {
        int prompt = expected.get(i).get("prompt").size();
        for (int k = 0; k < 2; k++) {
          Example row = rows.get(2 * i + k);
          int[] ids = ints(expected.get(i).get(k == 0 ? "chosen" : "rejected"));
          assertArrayEquals(ids, row.tokens(), "row " + i);
          for (int t = 0; t < ids.length; t++) {
            boolean answer = t + 1 >= prompt && t + 1 < ids.length;
            assertEquals(answer ? ids[t + 1] : Example.IGNORED, row.labels()[t], i + ": " + t);
          }
        }
      }
    }
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }
}
