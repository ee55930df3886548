package org.tune4j.cli.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.ConfigException;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.curves.Run;
import org.tune4j.curves.RunFolders;
import org.tune4j.finetuning.FineTuning;
import org.tune4j.wiring.Wiring;

/** A config's section {@code adapters}, in every command that takes one. */
class SeveralAdaptersTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  @TempDir Path dir;
  private TinyRun tiny;
  private Path config;
  private String out = "";
  private String err = "";

  @BeforeEach
  void write() throws IOException {
    tiny = TinyRun.in(dir);
    Files.writeString(
        dir.resolve("more.jsonl"),
        """
        {"instruction": "d", "output": "four five"}
        {"instruction": "e", "output": "five"}
        """);
    config = dir.resolve("several.yaml");
    assertEquals(0, tune("cp", "llama/lora_single_device", config.toString()), err);
    Files.writeString(
        config,
        Files.readString(config)
            + """

            adapters:
              small: {lora_rank: 2, seed: 5}
              other:
                lora_rank: 6
                epochs: 3
                batch_size: 1
                optimizer: {lr: 3e-3}
                dataset: {data_files: DIR/more.jsonl}
            """
                .replace("DIR", dir.toString()));
  }

  private int tune(String... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    PrintStream errors = new PrintStream(e, true, UTF_8);
    int code = Tune.execute(Wiring.installed(to), args, to, errors);
    out = o.toString(UTF_8).replace(dir.toString(), "DIR");
    err = e.toString(UTF_8).replace(dir.toString(), "DIR");
    return code;
  }

  private int tune(String command, List<String> more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "checkpointer.checkpoint_dir=" + tiny.model(),
                "dataset.data_files=" + tiny.rows(),
                "output_dir=" + tiny.out(),
                "dtype=fp32",
                "epochs=2",
                "lr_scheduler.num_warmup_steps=0",
                "threads=2",
                "backend=" + BACKEND));
    all.addAll(0, List.of(command.split(" ")));
    all.addAll(more);
    return tune(all.toArray(String[]::new));
  }

  private int run(String... more) {
    return tune("run --config " + config, List.of(more));
  }

  private byte[] adapter(String folder) throws IOException {
    return Files.readAllBytes(dir.resolve(folder).resolve("adapter_model.safetensors"));
  }

  @Test
  void run_trainsEach_asItsOwnConfigDoesAlone_andNamesEachLine() throws IOException {
    assertEquals(0, run(), err);
    assertTrue(out.lines().allMatch(l -> l.matches("\\[(small|other)\\] .*")), out);
    assertTrue(out.contains("[small] step 1/2  loss "), out);
    assertTrue(out.contains("[other] step 6/6  loss "), out);
    assertEquals(1, out.lines().filter(l -> l.contains("memory plan")).count(), out);

    for (String last : List.of("small/epoch_1", "other/epoch_2")) {
      String name = last.substring(0, last.indexOf('/'));
      Path saved = dir.resolve("out").resolve(name).resolve("config.yaml");
      Path alone = dir.resolve("alone").resolve(name);
      assertFalse(Files.readString(saved).contains("adapters:"));
      assertEquals(
          0,
          tune("run", saved.toString(), "output_dir=" + alone, "checkpointer.output_dir=" + alone),
          err);
      assertArrayEquals(adapter("alone/" + last), adapter("out/" + last), last);
    }
    assertEquals(
        List.of("other", "small"),
        RunFolders.open(List.of(tiny.out())).runs().stream().map(Run::name).toList());
  }

  @Test
  void resume_goesOnWithAll_alsoWhereOneHasEnded() throws IOException {
    assertEquals(0, run("adapters.small.epochs=1"), err);
    assertEquals(2, run());
    assertTrue(
        err.startsWith(
            "tune: 2 adapters failed: small: output_dir DIR/out/small holds an earlier run's results"),
        err);
    assertEquals(0, run("--resume"), err);
    assertTrue(out.contains("[small] step 2/2 "), out);
    assertTrue(out.lines().noneMatch(l -> l.startsWith("[other] step ")), out);
    assertTrue(out.lines().anyMatch(l -> l.startsWith("[other] ") && l.contains("complete")), out);
  }

  @Test
  void oneThatCannotBegin_isNamed_andNothingIsTrained() {
    assertEquals(1, run("adapters.other.dataset.data_files=" + dir.resolve("none.jsonl")));
    assertTrue(err.startsWith("tune: adapter other failed: "), err);
    assertTrue(err.contains("DIR/none.jsonl"), err);
    assertTrue(err.endsWith("; no adapter was trained\n"), err);
    assertEquals(1, err.lines().count(), err);
    assertTrue(out.contains("[other] failed: "), out);
    assertFalse(Files.exists(tiny.out().resolve("small/logs")));
  }

  @Test
  void oneThatFails_isNamed_andTheOthersGoOn() {
    assertEquals(1, run("adapters.other.lora_alpha=1e38"));
    assertTrue(err.startsWith("tune: adapter other failed: step 1: the gradient "), err);
    assertEquals(1, err.lines().count(), err);
    assertTrue(Files.exists(tiny.out().resolve("small/epoch_1/adapter_model.safetensors")), out);
    assertFalse(Files.exists(tiny.out().resolve("other/epoch_2")), out);
  }

  @Test
  void dryRun_triesEach_andWritesNothing() {
    assertEquals(0, run("--dry-run"), err);
    assertTrue(out.contains("[small] dry run: "), out);
    assertTrue(out.contains("[other] dry run: "), out);
    assertFalse(Files.exists(tiny.out()));
  }

  @Test
  void validate_saysWhichThereAre_andWhatIsWrongWithEach() {
    assertEquals(0, tune("validate " + config, List.of()), err);
    assertEquals(
        "DIR/several.yaml: valid for lora_finetune_single_device, adapters small, other\n", out);
    assertEquals(2, tune("validate " + config, List.of("adapters.small.lora_rang=1")));
    assertTrue(
        err.startsWith(
            "override 'adapters.small.lora_rang=1': key 'lora_rang' is not known; did you mean 'lora_rank'?"),
        err);
    assertEquals(2, tune("validate " + config, List.of("adapters.small.dtype=bf16")));
    assertEquals(
        "override 'adapters.small.dtype=bf16': adapter 'small' has key 'dtype', which all adapters share; set it at the top\n",
        err);
  }

  @Test
  void plan_hasActivationsOnce_andWhatEachAdapterTakes() {
    assertEquals(0, tune("plan --config " + config, List.of("~adapters.other")), err);
    int one = kibibytes("adapters");
    assertEquals(
        0, tune("plan --config " + config, List.of("~adapters.other", "lora_rank=64")), err);
    assertEquals(one, kibibytes("adapters"));
    List<String> large =
        List.of(
            "adapters.small.lora_rank=4096",
            "adapters.other.lora_rank=4096",
            "adapters.third.lora_rank=4096");
    assertEquals(0, tune("plan --config " + config, large), err);
    int three = kibibytes("adapters");
    assertTrue(out.contains("  adapters (of 3 adapters)\n"), out);
    int activations = kibibytes("activations");
    assertEquals(0, tune("plan --config " + config, List.of(large.get(0), "~adapters.other")), err);
    assertEquals(3.0 * kibibytes("adapters"), three, 3);
    assertEquals(activations, kibibytes("activations"), 1);
  }

  private int kibibytes(String part) {
    Matcher m = Pattern.compile("(?m)^ +(\\d+)  " + part).matcher(out);
    assertTrue(m.find(), out);
    return Integer.parseInt(m.group(1));
  }

  @Test
  void otherRecipes_areRefused() {
    assertEquals(2, tune("validate --recipe lora_finetune_distributed " + config, List.of()));
    assertEquals(
        "tune: section adapters: recipe lora_finetune_distributed runs on several ranks; use a recipe that trains adapters on one device, such as lora_finetune_single_device\n",
        err);
    Path full = dir.resolve("full.yaml");
    assertEquals(0, tune("cp", "llama/full_single_device", full.toString()), err);
    assertEquals(
        2, tune("validate", full.toString(), "adapters.a.seed=1", "adapters.b.seed=2"), out);
    assertEquals(
        "tune: section adapters: recipe full_finetune_single_device does not train adapters in turn; use a recipe that trains adapters on one device, such as lora_finetune_single_device\n",
        err);
    String message =
        assertThrows(
                ConfigException.class,
                () -> FineTuning.of("lora_finetune_single_device", config.toString()).build())
            .getMessage();
    assertTrue(
        message.endsWith(
            "key 'adapters': only `tune run`, `tune plan` and `tune validate` take several adapters; leave the section out here (~adapters) and take one at a time"),
        message);
  }
}
