package org.tune4j.finetuning;

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
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.ConfigException;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.examples.FineTuningExample;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.StandInHub;
import org.tune4j.recipe.RunListener;

/** Jobs on the tiny golden model. */
@Timeout(1200)
class FineTuningTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");
  private static final Path MODEL =
      Path.of("../models/src/test/resources/golden/tiny/families/llama2");

  @TempDir Path dir;
  private Path model;
  private Path rows;

  @BeforeEach
  void write() throws IOException {
    model = Files.createDirectory(dir.resolve("model"));
    for (String file : List.of("config.json", "generation_config.json", "model.safetensors")) {
      Files.copy(MODEL.resolve(file), model.resolve(file));
    }
    for (String file : List.of("tokenizer.json", "chat_template.jinja")) {
      Files.copy(Path.of("../docs/tiny").resolve(file), model.resolve(file));
    }
    rows =
        Files.writeString(
            dir.resolve("rows.jsonl"),
            """
            {"instruction": "a", "output": "one two"}
            {"instruction": "b", "output": "two three"}
            """);
  }

  private FineTuning.Builder job(String name, String... overrides) {
    return FineTuning.of("lora_finetune_single_device", "llama/lora_single_device")
        .override(
            "checkpointer.checkpoint_dir=" + model,
            "dataset.data_files=" + rows,
            "output_dir=" + dir.resolve(name),
            "backend=" + BACKEND,
            "dtype=fp32",
            "threads=2",
            "batch_size=1",
            "epochs=3",
            "lr_scheduler.num_warmup_steps=0")
        .override(overrides);
  }

  private byte[] adapter(String name) throws IOException {
    return Files.readAllBytes(dir.resolve(name).resolve("epoch_2/adapter_model.safetensors"));
  }

  /** Waits in the step that is named, until released. */
  private static final class Gate implements RunListener {
    private final long at;
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch open = new CountDownLatch(1);
    private final AtomicLong last = new AtomicLong();

    Gate(long at) {
      this.at = at;
    }

    @Override
    public void step(long step, long totalSteps, Map<String, Number> metrics) {
      last.set(step);
      if (step == at) {
        reached.countDown();
        try {
          assertTrue(open.await(5, TimeUnit.MINUTES));
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  @Test
  void example_runs() throws Exception {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    FineTuningResult result =
        FineTuningExample.run(model, rows, dir.resolve("out"), new PrintStream(said, true, UTF_8));
    List<String> lines = said.toString(UTF_8).lines().toList();
    assertEquals(4, lines.size(), lines.toString());
    assertTrue(lines.get(0).startsWith("step 1 of 3: loss "), lines.toString());
    assertEquals("adapter: " + dir.resolve("out/epoch_2"), lines.get(3));
    assertFalse(result.cancelled());
    assertTrue(Files.isRegularFile(dir.resolve("out/epoch_2/adapter_config.json")));
    long code =
        Files.readAllLines(Path.of("src/test/java/org/tune4j/examples/FineTuningExample.java"))
            .size();
    assertTrue(code <= 48, "the example has " + code + " lines");
  }

  @Test
  void reward_inCode_standsInForTheConfigs() throws IOException {
    Path prompts =
        Files.writeString(
            dir.resolve("prompts.jsonl"), "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
    List<String> asked = new ArrayList<>();
    FineTuningResult result =
        FineTuning.of("lora_grpo_single_device", "smollm2/135M_lora_grpo_single_device")
            .override(
                "model=lora_auto",
                "checkpointer.checkpoint_dir=" + model,
                "dataset.data_files=" + prompts,
                "output_dir=" + dir.resolve("out"),
                "backend=" + BACKEND,
                "dtype=fp32",
                "threads=2",
                "group_size=2",
                "batch_size=2",
                "gradient_accumulation_steps=1",
                "max_new_tokens=4")
            .reward(
                completion -> {
                  asked.add(completion.prompt());
                  return asked.size();
                })
            .build()
            .run();
    assertEquals(4, asked.size());
    assertEquals(List.of(asked.get(0), asked.get(2)), List.of(asked.get(1), asked.get(3)));
    assertEquals(3.5, result.metrics().get("rewards/mean"));
    assertTrue(Files.readString(dir.resolve("out/config.yaml")).contains("reward: program_reward"));
  }

  @Test
  void run_onTheCallersThread_givesResultMetricsAndEvents() {
    List<String> heard = new ArrayList<>();
    Thread caller = Thread.currentThread();
    FineTuning job =
        job("out")
            .listener(
                new RunListener() {
                  @Override
                  public void step(long step, long totalSteps, Map<String, Number> metrics) {
                    assertEquals(caller, Thread.currentThread());
                    heard.add("step " + step + "/" + totalSteps);
                  }

                  @Override
                  public void saved(Path folder) {
                    heard.add("saved " + folder.getFileName());
                  }
                })
            .build();
    assertEquals(FineTuning.State.READY, job.state());
    FineTuningResult result = job.run();
    assertEquals(FineTuning.State.FINISHED, job.state());
    assertEquals(
        List.of(
            "step 1/6",
            "step 2/6",
            "saved epoch_0",
            "step 3/6",
            "step 4/6",
            "saved epoch_1",
            "step 5/6",
            "step 6/6",
            "saved epoch_2"),
        heard);
    assertEquals(dir.resolve("out/epoch_2"), result.folder().orElseThrow());
    assertEquals(result.metrics().get("loss").doubleValue(), result.finalLoss().orElseThrow());
    assertTrue(result.finalLoss().orElseThrow() > 0);
    assertThrows(IllegalStateException.class, job::start);
  }

  @Test
  void await_beforeStart_isRefused() {
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> job("out").build().await());
    assertEquals("the job was not started; call start() before await()", e.getMessage());
  }

  @Test
  void run_outOfNativeMemory_saysWhatToChange() {
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class,
            () ->
                FineTuning.of(
                        context -> {
                          throw new IllegalStateException("std::bad_alloc");
                        })
                    .build()
                    .run());
    assertTrue(e.getMessage().startsWith("out of memory: tensors do not fit; lower batch_size"));
  }

  @Test
  void jobs_besideEachOther_giveWhatEachGivesAlone() throws Exception {
    job("alone").build().run();
    Gate gate = new Gate(1);
    FineTuning first = job("first").listener(gate).build();
    FineTuning second = job("second").build();
    first.start();
    assertTrue(gate.reached.await(5, TimeUnit.MINUTES));
    second.start(); // while the first is in the middle of its run
    gate.open.countDown();
    first.await();
    second.await();
    assertArrayEquals(adapter("alone"), adapter("first"));
    assertArrayEquals(adapter("alone"), adapter("second"));
  }

  @Test
  void pause_holdsAfterTheStep_andResumeGivesTheSameBits() throws Exception {
    job("alone").build().run();
    Gate gate = new Gate(2);
    FineTuning job = job("out").listener(gate).build();
    job.start();
    assertTrue(gate.reached.await(5, TimeUnit.MINUTES));
    job.pause();
    gate.open.countDown();
    assertEquals(FineTuning.State.PAUSED, job.state());
    Thread.sleep(300);
    assertEquals(2, gate.last.get());
    job.resume();
    job.await();
    assertEquals(6, gate.last.get());
    assertArrayEquals(adapter("alone"), adapter("out"));
  }

  @Test
  void cancel_whilePaused_savesAndGoesOnLater() throws Exception {
    job("alone").build().run();
    Gate gate = new Gate(3);
    FineTuning job = job("out").listener(gate).build();
    job.start();
    assertTrue(gate.reached.await(5, TimeUnit.MINUTES));
    job.pause();
    gate.open.countDown();
    job.cancel();
    FineTuningResult result = job.await();
    assertEquals(FineTuning.State.CANCELLED, job.state());
    assertTrue(result.cancelled());
    assertEquals(dir.resolve("out/checkpoints/step_3"), result.checkpoint().orElseThrow());
    assertFalse(job("out", "resume_from_checkpoint=true").build().run().cancelled());
    assertArrayEquals(adapter("alone"), adapter("out"));
  }

  @Test
  void resume_globsInAListMovedElsewhere_goesOn() throws Exception {
    String alone = lists(dir);
    job("alone", alone).build().run();
    Gate gate = new Gate(3);
    FineTuning job = job("out", alone).listener(gate).build();
    job.start();
    assertTrue(gate.reached.await(5, TimeUnit.MINUTES));
    job.cancel();
    gate.open.countDown();
    assertTrue(job.await().cancelled());
    Path moved = Files.createDirectory(dir.resolve("moved"));
    Files.move(rows, moved.resolve("rows.jsonl"));
    assertFalse(job("out", lists(moved), "resume_from_checkpoint=true").build().run().cancelled());
    assertArrayEquals(adapter("alone"), adapter("out"));

    Files.writeString(
        moved.resolve("rows_more.jsonl"), Files.readString(moved.resolve("rows.jsonl")));
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> job("out", lists(moved), "resume_from_checkpoint=true").build().run());
    assertTrue(e.getMessage().contains("the rows of the data set have changed"), e.getMessage());
  }

  /** The rows twice, by globs in a list of data sets. */
  private static String lists(Path folder) {
    String each = "{_component_: alpaca_dataset, data_files: '" + folder + "/rows*.jsonl'}";
    return "dataset=[" + each + ", " + each + "]";
  }

  @Test
  void run_checkpointNamedByItsRepository_isFetched() throws Exception {
    try (StandInHub hub = new StandInHub().folder(model)) {
      HubSettings settings =
          HubSettings.of(
              Map.of("HF_HOME", dir.resolve("hf").toString(), "HF_ENDPOINT", "" + hub.endpoint()),
              dir);
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      FineTuning job =
          job("out", "checkpointer.checkpoint_dir=" + StandInHub.REPOSITORY)
              .hub(settings)
              .out(new PrintStream(said, true, UTF_8))
              .build();
      assertFalse(Files.exists(dir.resolve("hf")), "building fetches nothing");
      job.run();
      assertTrue(said.toString(UTF_8).startsWith("acme/tiny: fetching 5 files, "), said::toString);
    }
    job("alone").build().run();
    assertArrayEquals(adapter("alone"), adapter("out"));
    assertTrue(
        Files.readString(dir.resolve("out/epoch_2/adapter_config.json"))
            .contains("\"" + StandInHub.REPOSITORY + "\""));
  }

  @Test
  void build_wrongConfig_saysAllThatIsWrong() {
    ConfigException e =
        assertThrows(
            ConfigException.class, () -> job("out", "epochs=many", "optimizer.lrr=1").build());
    assertEquals(2, e.problems().size(), e.getMessage());
    UsageException unknown =
        assertThrows(UsageException.class, () -> FineTuning.of("lora", "quickstart").build());
    assertTrue(unknown.getMessage().startsWith("recipe 'lora' is not known"), unknown.getMessage());
  }

  @Test
  void await_jobThatFails_throwsWhatTheUserCanMend() throws Exception {
    Files.delete(rows);
    FineTuning job = job("out").build();
    job.start();
    InputException e = assertThrows(InputException.class, job::await);
    assertTrue(e.getMessage().contains("rows.jsonl"), e.getMessage());
    assertEquals(FineTuning.State.FAILED, job.state());
  }

  @Test
  void run_recipeBuiltInCode() {
    List<String> ran = new ArrayList<>();
    FineTuningResult result =
        FineTuning.of(
                context -> {
                  context.out().println("hello");
                  context.listener().step(1, 1, Map.of("loss", 0.5));
                  ran.add("ran");
                })
            .build()
            .run();
    assertEquals(List.of("ran"), ran);
    assertEquals(0.5, result.finalLoss().orElseThrow());
    assertTrue(result.folder().isEmpty());
    CompletionException defect =
        assertThrows(
            CompletionException.class,
            () ->
                FineTuning.of(
                        context -> {
                          throw new IllegalStateException("no sum");
                        })
                    .build()
                    .run());
    assertEquals("the job failed: java.lang.IllegalStateException: no sum", defect.getMessage());
  }

  @Test
  void run_secondBackendInOneProcess_isRefusedInWords() {
    job("out").build().run();
    String other = BACKEND.equals("djl") ? "javacpp" : "djl";
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class, () -> job("two", "backend=" + other).build().run());
    assertTrue(e.getMessage().contains("this process already runs backend"), e.getMessage());
  }
}
