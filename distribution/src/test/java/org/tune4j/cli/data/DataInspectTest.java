package org.tune4j.cli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mockito.Mockito;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.data.Example;
import org.tune4j.spi.Backends;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.wiring.Wiring;

/** {@code tune data inspect} over the rows and the tokenizer of a token a character. */
class DataInspectTest {
  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int inspect(boolean terminal, String dataset, String... more) throws IOException {
    Path config =
        Files.writeString(
            dir.resolve("my.yaml"),
            """
            checkpointer: {_component_: hf_checkpointer, checkpoint_dir: nowhere, output_dir: out}
            tokenizer: {_component_: hf_tokenizer, path: ../docs/tiny, max_seq_len: 90}
            dataset: %s
            """
                .formatted(dataset));
    List<String> args =
        new java.util.ArrayList<>(List.of("data", "inspect", "--config", config.toString()));
    args.addAll(List.of(more));
    return tune(terminal, args.toArray(String[]::new));
  }

  private int tune(boolean terminal, String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream so = new PrintStream(o, true, StandardCharsets.UTF_8);
    PrintStream se = new PrintStream(e, true, StandardCharsets.UTF_8);
    int code =
        Tune.execute(
            Wiring.of(
                () -> {
                  throw new AssertionError("a backend was asked for");
                },
                ComponentRegistry::installed,
                new Terminal(so, terminal)),
            args,
            so,
            se);
    out = o.toString(StandardCharsets.UTF_8);
    err = e.toString(StandardCharsets.UTF_8).strip();
    return code;
  }

  private String rows() throws IOException {
    Path file = dir.resolve("rows.csv");
    Files.writeString(file, "input,output\nhi,yes\na,no\nb,c\n");
    return "{_component_: torchtune.datasets.instruct_dataset, source: csv, data_files: "
        + file
        + "}";
  }

  @Test
  void inspect_elsewhere_bracketsAndLengths() throws IOException {
    assertEquals(0, inspect(false, rows(), "--rows", "2"), err);
    assertEquals(
        """
        --- 1: 24 tokens, 4 trained on
        u s e r :   h i </s> a s s i s t a n t :  [[y e s </s>]]
        --- 2: 22 tokens, 3 trained on
        u s e r :   a </s> a s s i s t a n t :  [[n o </s>]]
        3 rows; 67 tokens, 9 of them trained on
        tokens per row: min 21, median 22, p95 24, max 24
        """,
        out);
  }

  @Test
  void inspect_keyThatNothingReads_isRefusedAsByRun() throws IOException {
    assertEquals(2, inspect(false, rows(), "datasets=x"));
    assertTrue(
        err.startsWith("override 'datasets=x': key 'datasets' is not known; did you mean"), err);
    String[] full = {
      "data",
      "inspect",
      "--config",
      "smollm2/135M_lora_single_device",
      "dataset=" + rows(),
      "tokenizer.path=../docs/tiny",
      "optimizer.lrr=1"
    };
    assertEquals(2, tune(false, full));
    assertTrue(
        err.startsWith("override 'optimizer.lrr=1': key 'lrr' is not known; did you mean 'lr'?"),
        err);
  }

  @Test
  void inspect_tokenizerCheckpoint_isItsPath() throws IOException {
    assertEquals(
        0,
        inspect(
            false,
            rows(),
            "--rows=1",
            "tokenizer.path=nowhere",
            "tokenizer_checkpoint=../docs/tiny/tokenizer.json"),
        err);
    assertTrue(out.contains("[[y e s </s>]]"), out);
  }

  /** Tokenizers that cut rows themselves say so. */
  @ParameterizedTest
  @CsvSource({
    "hf_tokenizer, ../docs/tiny",
    "llama2_tokenizer, src/test/resources/fuzz/sentencepiece-a.model",
    "llama3_tokenizer, src/test/resources/fuzz/tiktoken-a.model"
  })
  void inspect_rowsThatWereCut_areCounted(String tokenizer, String path) throws IOException {
    Path file =
        Files.writeString(dir.resolve("rows.csv"), "input,output\nhi,yes\nhi,yes yes yes\n");
    String rows = "{_component_: instruct_dataset, source: csv, data_files: " + file + "}";
    String[] use = {"--rows=0", "tokenizer._component_=" + tokenizer, "tokenizer.path=" + path};
    String limit = "tokenizer.max_seq_len=";
    assertEquals(0, inspect(false, rows, with(use, limit + "null")), err);
    assertFalse(out.contains("cut to"), out);
    int longest = Integer.parseInt(out.strip().replaceAll("(?s).*max ", ""));
    assertEquals(0, inspect(false, rows, with(use, limit + longest)), err);
    assertFalse(out.contains("cut to"), out);
    assertEquals(0, inspect(false, rows, with(use, limit + (longest - 1))), err);
    assertTrue(out.contains("; 1 row cut to tokenizer.max_seq_len"), out);
    assertEquals(0, inspect(false, rows, with(use, limit + 2)), err);
    assertTrue(out.contains("; 2 rows cut to tokenizer.max_seq_len"), out);
  }

  private static String[] with(String[] some, String more) {
    String[] all = Arrays.copyOf(some, some.length + 1);
    all[some.length] = more;
    return all;
  }

  /**
   * The ways of writing {@code prompt_template}, torchtune's among them. Llama3's tokenizer strips
   * each part.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {user: ['Ask: ', ' Answer: ']} | Ask:hiAnswer:
          {_component_: prompt_template, user: ['Ask: ', '']} | Ask:hi
          {user: ['', '?'], assistant: ['=> ', '']} | hi?
          summarize_template | Summarize this dialogue:hi---Summary:
          torchtune.data.SummarizeTemplate | Summarize this dialogue:hi---Summary:
          torchtune.data.GrammarErrorCorrectionTemplate | Correct this to standard English:hi---Corrected:
          null | hi
          """)
  void inspect_promptTemplate_isAroundTheText(String template, String expected) throws IOException {
    assertEquals(
        0,
        inspect(
            false,
            rows(),
            "--rows=1",
            "tokenizer._component_=llama3_tokenizer",
            "tokenizer.path=src/test/resources/fuzz/tiktoken-a.model",
            "tokenizer.max_seq_len=null",
            "tokenizer.prompt_template=" + template),
        err);
    String user =
        out.replaceAll("(?s).*?<.start_header_id.>user<.end_header_id.>(.*?)<.eot_id.>.*", "$1");
    assertEquals(expected, user.replace("\n", ""), out);
  }

  @Test
  void inspect_wrongPromptTemplate_saysWhere() throws IOException {
    String[] use = {
      "tokenizer._component_=llama3_tokenizer",
      "tokenizer.path=src/test/resources/fuzz/tiktoken-a.model"
    };
    assertEquals(2, inspect(false, rows(), with(use, "tokenizer.prompt_template={usr: [a, b]}")));
    assertTrue(
        err.endsWith(
            "key 'usr' is not known; did you mean 'user'?; accepted are system, user, assistant,"
                + " tool, ipython"),
        err);
    assertEquals(2, inspect(false, rows(), with(use, "tokenizer.prompt_template={user: [a]}")));
    assertTrue(
        err.endsWith(
            "prompt_template.user has 1 texts, expected two: what comes before and what comes"
                + " after"),
        err);
    assertEquals(2, inspect(false, rows(), with(use, "tokenizer.prompt_template=summarise")));
    assertTrue(err.contains("is not known"), err);
  }

  @Test
  void inspect_terminal_colours() throws IOException {
    assertEquals(0, inspect(true, rows(), "--rows=1"), err);
    assertTrue(out.contains(" a n t :  \u001b[32my e s </s>\u001b[0m\n"), out);
  }

  @Test
  void inspect_packed_rowsOneUnderTheOther() throws IOException {
    assertEquals(0, inspect(false, rows(), "dataset.packed=true", "--rows=1"), err);
    assertTrue(out.startsWith("--- 1: 67 tokens, 9 trained on, 3 rows\nu s e r"), out);
    assertTrue(out.contains("\n---\nu s e r :   a"), out);
    assertTrue(out.contains("\npacks: 3.0 rows, 67.0 tokens each\n"), out);
  }

  @Test
  void inspect_json_printsARowALineAndTheRestAsErrors() throws IOException {
    String row =
        "\\{\"input_ids\": \\[[0-9, ]+], \"trained\": \\[(false, ){%d}true(, true){%d}]}\n";
    assertEquals(0, inspect(false, rows(), "--json", "--rows=2"), err);
    assertTrue(out.matches(row.formatted(20, 3) + row.formatted(19, 2)), out);
    assertTrue(err.startsWith("3 rows; 67 tokens, 9 of them trained on"), err);
    assertEquals(0, inspect(false, rows(), "--json", "dataset.packed=true"), err);
    assertTrue(
        out.matches(row.formatted(20, 3) + row.formatted(19, 2) + row.formatted(19, 1)), out);
  }

  @Test
  void inspect_listOfSections_isOneDataSet() throws IOException {
    String rows = rows();
    assertEquals(0, inspect(false, "[" + rows + ", " + rows + "]", "--rows=0"), err);
    assertTrue(out.startsWith("6 rows; 134 tokens"), out);
    assertEquals(
        0,
        inspect(
            false,
            "{_component_: concat_dataset, weights: [1, 2], datasets: ["
                + rows
                + ", "
                + rows
                + "]}",
            "--rows=9"),
        err);
    assertTrue(out.contains("--- 8: "), out);
  }

  @Test
  void inspect_wrongInput_saidInOneLine() throws IOException {
    assertEquals(2, inspect(false, "{_component_: alpaca_dataset}"));
    assertEquals(
        dir.resolve("my.yaml")
            + ":3:10: source 'tatsu-lab/alpaca' is a data set of the Hugging Face Hub; fetch it with tune download --repo-type dataset tatsu-lab/alpaca, and set data_files to its JSON, JSONL, CSV, Parquet or text files",
        err);
    assertEquals(2, inspect(false, rows(), "~dataset"));
    assertTrue(err.contains("key 'dataset' is missing; expected a section"), err);
    assertEquals(2, inspect(false, rows(), "--rows=-1"));
    assertEquals("tune: --rows is -1, expected 0 or more", err);
    assertEquals(2, inspect(false, rows(), "--rows=x"));
    assertEquals(1, inspect(false, rows(), "tokenizer.path=nowhere.json"));
    assertTrue(err.startsWith("tune: tokenizer nowhere.json does not exist"), err);
  }

  @Test
  void text_controlCharacters_areWrittenOut() {
    Tokenizer characters = Mockito.mock(Tokenizer.class);
    Mockito.when(characters.decode(Mockito.any()))
        .thenAnswer(
            call -> {
              int[] ids = call.getArgument(0);
              return new String(ids, 0, ids.length);
            });
    Example e =
        new Example(
            new int[] {'a', 0x1b, '[', '\n'}, new int[] {-100, '[', '\n', -100}, new int[] {4});
    assertEquals(
        "--- 1: 4 tokens, 2 trained on%na\\u001b[[[\n]]%n".formatted(),
        new RowText(characters, List.of(), false).of(1, e));
  }

  @Test
  void data_withoutCommand_showsHelp() {
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(e, true, StandardCharsets.UTF_8);
    assertEquals(
        2,
        Tune.execute(
            Wiring.of(
                () -> new Backends(List.of()),
                ComponentRegistry::installed,
                new Terminal(to, false)),
            new String[] {"data"},
            to,
            to));
    assertTrue(e.toString(StandardCharsets.UTF_8).contains("inspect"));
  }
}
