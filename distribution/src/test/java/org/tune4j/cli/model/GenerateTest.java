package org.tune4j.cli.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.spi.Backends;
import org.tune4j.wiring.Wiring;

/** {@code tune generate}, {@code chat} and {@code eval} on tiny models, a token a character. */
class GenerateTest {
  private static final String TINY = "../models/src/test/resources/golden/tiny/";
  private static final String ADAPTER = TINY + "lora/all_r4/initial";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int tune(String input, String... args) {
    out.reset();
    err.reset();
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(err, true, StandardCharsets.UTF_8);
    Terminal terminal =
        new Terminal(to, new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), false);
    return Tune.execute(
        Wiring.of(Backends::installed, ComponentRegistry::installed, terminal), args, to, errors);
  }

  /** With the tiny model, in fp32. */
  private int tiny(String input, String command, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                command,
                "--model",
                TINY + "families/llama2",
                "--tokenizer",
                "../docs/tiny",
                "--dtype",
                "fp32"));
    args.addAll(List.of(more));
    return tune(input, args.toArray(String[]::new));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8).strip();
  }

  private String generated(String... more) {
    assertEquals(0, tiny("", "generate", more), err());
    return out();
  }

  private static String untimed(String json) {
    return json.replaceFirst(",\"seconds\":[^,}]*", "");
  }

  @Test
  void generate_fromOptionFileOrInput_isTheSame(@TempDir Path dir) throws Exception {
    String text = generated("--prompt", "Name a fruit.", "--max-new-tokens", "12");
    assertTrue(text.endsWith("\n") && text.length() > 1, text);
    Path file = Files.writeString(dir.resolve("p.txt"), "Name a fruit.\n");
    assertEquals(text, generated("--prompt-file", file.toString(), "--max-new-tokens", "12"));
    assertEquals(0, tiny("Name a fruit.\n", "generate", "--max-new-tokens", "12"), err());
    assertEquals(text, out());
  }

  @Test
  void generate_severalPrompts_givesEachWhatItGivesAlone() throws Exception {
    String[] one = {"--max-new-tokens", "10", "--json", "--prompt"};
    List<String> alone = new ArrayList<>();
    for (String prompt : List.of("Name a fruit.", "ab", "The end")) {
      alone.add(untimed(generated(one[0], one[1], one[2], one[3], prompt).strip()));
    }
    String together =
        generated(
            "--max-new-tokens",
            "10",
            "--json",
            "--batch-size",
            "2",
            "--prompt",
            "Name a fruit.",
            "--prompt",
            "ab",
            "--prompt",
            "The end");
    assertEquals(alone, together.lines().map(GenerateTest::untimed).toList());
    JsonNode json = new ObjectMapper().readTree(alone.get(1));
    assertEquals("ab", json.get("prompt").asText());
    assertEquals(2, json.get("prompt_tokens").asInt());
  }

  @Test
  void generate_withAnAdapter_isAnotherText_andCompareShowsBoth() {
    String[] prompt = {"--prompt", "Name a fruit.", "--max-new-tokens", "12"};
    String base = generated(prompt);
    String tuned = generated(prompt[0], prompt[1], prompt[2], prompt[3], "--adapter", ADAPTER);
    assertNotEquals(base, tuned);
    String both = generated(prompt[0], prompt[1], prompt[2], prompt[3], "--compare", ADAPTER);
    assertTrue(both.startsWith("base "), both);
  }

  @Test
  void merge_writesAModelThatAnswersAsTheAdapterDoes_once(@TempDir Path dir) {
    String merged = dir.resolve("merged").toString();
    String model = TINY + "families/llama2";
    String[] merge = {"merge", "--model", model, "--adapter", ADAPTER, "-o", merged};
    assertEquals(0, tune("", merge), err());
    assertEquals("saved " + merged, out().strip());
    String[] prompt = {"--prompt", "Name a fruit.", "--max-new-tokens", "12"};
    String tuned = generated(prompt[0], prompt[1], prompt[2], prompt[3], "--adapter", ADAPTER);
    String[] generate = {
      "generate", "--model", merged, "--tokenizer", "../docs/tiny", "--dtype", "fp32"
    };
    List<String> again = new ArrayList<>(List.of(generate));
    again.addAll(List.of(prompt));
    assertEquals(0, tune("", again.toArray(String[]::new)), err());
    assertEquals(tuned, out());
    assertEquals(2, tune("", merge));
    assertTrue(
        err().endsWith("tune: the output folder %s is not empty; name a new one".formatted(merged)),
        err());
  }

  @Test
  void generate_sampled_dependsOnTheSeedAlone() {
    String[] a = {"--prompt", "ab", "--max-new-tokens", "20", "--temperature", "1", "--seed", "3"};
    String first = generated(a);
    assertEquals(first, generated(a));
    a[7] = "4";
    assertNotEquals(first, generated(a));
  }

  @Test
  void generate_stopString_endsBeforeIt() {
    String whole = generated("--prompt", "ab", "--max-new-tokens", "12").stripTrailing();
    String stop = whole.substring(4, 6);
    assertEquals(
        whole.substring(0, whole.indexOf(stop)) + "\n",
        generated("--prompt", "ab", "--max-new-tokens", "12", "--stop", stop));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--top-p=2 | tune: top_p is 2.0, expected above 0 up to 1",
        "--batch-size=0 | tune: --batch-size is 0, expected 1 or more",
        "--system=x | tune: --system needs --chat",
        "--max-new-tokens=0 | tune: max_new_tokens is 0, expected 1 or more",
        "--temprature=1 | tune: option '--temprature' is not known; did you mean '--temperature'?; see `tune generate --help`"
      })
  void generate_wrongOptions_areRefusedInWords(String option, String text) {
    assertEquals(2, tiny("", "generate", "--prompt", "ab", option));
    assertEquals(text, err());
  }

  @Test
  void generate_emptyInput_isRefusedInWords() {
    assertEquals(2, tiny("", "generate"));
    assertEquals("tune: a prompt is empty; give --prompt TEXT, or text in the file", err());
  }

  @Test
  void chat_piped_answersAndObeysCommands() {
    String input =
        "ab\n/temperature warm\n/nonsense\n/adapter "
            + ADAPTER
            + "\n/reset\nab\n/adapter off\n/reset\nab\n/adapter nowhere\n/quit\nnever\n";
    assertEquals(0, tiny(input, "chat", "--max-new-tokens", "8"), err());
    List<String> said = err().lines().toList();
    assertTrue(said.contains("/temperature takes a number, not 'warm'"), err());
    assertTrue(err().contains("/nonsense is not known; there are /reset,"), err());
    assertTrue(err().contains("the adapter nowhere does not exist"), err());
  }

  @Test
  void eval_ownTask_givesTableAndJson(@TempDir Path dir) throws Exception {
    Files.writeString(
        dir.resolve("rows.jsonl"),
        """
        {"question": "a", "choices": ["b", "cd"], "answer": 0}
        {"question": "e", "choices": ["b", "cd", "f"], "answer": "C"}
        """);
    Path task =
        Files.writeString(
            dir.resolve("own.yaml"),
            """
            task: own
            data: rows.jsonl
            doc_to_text: "Q {{ question }} A"
            doc_to_choice: choices
            doc_to_target: answer
            """);
    Path result = dir.resolve("out/result.json");
    assertEquals(
        0,
        tiny(
            "",
            "eval",
            "--tasks",
            task.toString(),
            "--output",
            result.toString(),
            "--adapter",
            ADAPTER,
            "--with-base"),
        err());
    assertTrue(out().startsWith("TASK  METRIC"), out());
    JsonNode json = new ObjectMapper().readTree(result.toFile());
    assertEquals(2, json.get("samples").get("own").size());
    assertEquals(3, json.get("samples").get("own").get(1).get("loglikelihoods").size());
    double acc = json.get("results").get("own").get("acc").asDouble();
    assertTrue(acc == 0 || acc == 0.5 || acc == 1, json.toString());
    assertEquals(2, json.get("models").size());
  }

  @Test
  void run_eleutherEval_givesWhatEvalGives(@TempDir Path dir) throws Exception {
    Files.writeString(
        dir.resolve("rows.jsonl"),
        """
        {"question": "a", "choices": ["b", "cd"], "answer": 0}
        {"question": "e", "choices": ["b", "cd", "f"], "answer": "C"}
        """);
    Path task =
        Files.writeString(
            dir.resolve("own.yaml"),
            """
            task: own
            data: rows.jsonl
            doc_to_text: "Q {{ question }} A"
            doc_to_choice: choices
            doc_to_target: answer
            """);
    Path result = dir.resolve("result.json");
    String[] eval = {
      "--tasks", task.toString(), "--output", result.toString(), "--adapter", ADAPTER
    };
    assertEquals(0, tiny("", "eval", eval), err());
    Path out = dir.resolve("out");
    String[] run = {
      "run",
      "eleuther_eval",
      "--config",
      "eleuther_evaluation",
      "checkpointer.checkpoint_dir=" + TINY + "families/llama2",
      "checkpointer.adapter_checkpoint=" + ADAPTER,
      "tokenizer.path=../docs/tiny",
      "tasks=[own]",
      "include_path=" + dir,
      "output_dir=" + out
    };
    assertEquals(0, tune("", run), err());
    assertEquals(2, tune("", run));
    assertEquals(
        "tune: output_dir %s holds an earlier evaluation's results.json; replace it with --overwrite (overwrite=true), or choose another output_dir"
            .formatted(out),
        err());
    String[] again = Arrays.copyOf(run, run.length + 1);
    again[run.length] = "--overwrite";
    assertEquals(0, tune("", again), err());
    assertTrue(out().contains("own                  acc "), out());
    ObjectMapper mapper = new ObjectMapper();
    JsonNode expected = mapper.readTree(result.toFile());
    JsonNode found = mapper.readTree(out.resolve("results.json").toFile());
    assertEquals(expected.get("results"), found.get("results"));
    assertEquals(expected.get("samples"), found.get("samples"));
  }

  @Test
  void run_generateRecipe_answersAsTheCommand() {
    String[] command = {
      "--chat", "--system", "Be brief.", "--prompt", "hello", "--max-new-tokens", "9"
    };
    assertEquals(0, tiny("", "generate", command), err());
    String answer = out();
    String[] run = {
      "run",
      "generation",
      "checkpointer.checkpoint_dir=" + TINY + "families/llama2",
      "tokenizer.path=../docs/tiny",
      "prompt={system: Be brief., user: {text: hello}}",
      "max_new_tokens=9",
      "temperature=0",
      "dtype=fp32"
    };
    assertEquals(0, tune("", run), err());
    assertTrue(out().endsWith(answer), out() + " does not end with " + answer);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prompt={system: x}|prompt has [system], expected user and perhaps system",
        "prompt={user: x, assistant: y}|prompt has [user, assistant], expected user and perhaps system",
        "prompt={user: {image: a.jpg, text: x}}|image input is not supported; leave out prompt.user.image",
        "prompt={user: [x]}|prompt.user is [x], expected a text",
        "model=lora_auto|generation:15:3: model lora_auto has adapters; name the model without lora_, the adapter goes to checkpointer.adapter_checkpoint",
        "top_k=-1|top_k is -1, expected 0 (all) or more",
      })
  void validate_generationThatCannotBe_isRefused(String override, String message) {
    assertEquals(2, tune("", "validate", "generation", override), out());
    assertTrue(err().contains(message), err());
  }

  @Test
  void eval_mistakes_areRefusedInWords(@TempDir Path dir) throws Exception {
    assertEquals(2, tiny("", "eval", "--tasks", "mmlu"));
    assertEquals(
        "tune: task 'mmlu' is not known; there are truthfulqa_mc1, truthfulqa_mc2, perplexity, classification, reward, and a YAML file of your own",
        err());
    Path rows = Files.writeString(dir.resolve("r.jsonl"), "{\"question\": \"a\"}\n");
    assertNotEquals(0, tiny("", "eval", "--tasks", "truthfulqa_mc2", "--data", rows.toString()));
    assertTrue(
        err()
            .contains("task truthfulqa_mc2, row 1 has no mc2_targets.choices, it has question; is"),
        err());
  }
}
