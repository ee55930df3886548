package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.Manifest;
import org.tune4j.models.Quantisation;
import org.tune4j.optim.Adafactor;
import org.tune4j.optim.AdamW8bit;
import org.tune4j.optim.Lion;
import org.tune4j.optim.ScheduleFreeAdamW;

/** A run that was stopped or damaged goes on to the bits of the run that was not. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExactResumeTest {
  private static final List<Double> BETAS = List.of(0.9, 0.999);

  @TempDir static Path undisturbed;
  @TempDir Path temp;
  private final Map<Kind, Whole> wholes = new EnumMap<>(Kind.class);

  /** What a run is made of. */
  enum Kind {
    PLAIN(r -> {}),
    IN_ORDER(r -> r.shuffle = false),
    SHUFFLED(r -> r.accumulation = 1),
    ACCUMULATED(r -> r.accumulation = 3),
    TWO_ROWS_AT_ONCE(r -> r.batchSize = 2),
    PACKED(r -> r.rows = TinyRun.packs(1, 5)),
    DROPOUT(r -> r.dropout = 0.25),
    ACTIVATION_CHECKPOINTING(
        r -> {
          r.activationCheckpointing = true;
          r.dropout = 0.25;
        }),
    NF4(r -> r.quantisation = new Quantisation(true, true)),
    FULL(r -> r.full = true),
    SCHEDULE_FREE(
        r -> {
          r.optimizer = new ScheduleFreeAdamW(1e-2, BETAS, 1e-8, 0.01, 3, 1, 2);
          r.validation = TinyRun.rows(2, 2);
          r.validateEvery = 1;
        }),
    LION(r -> r.optimizer = new Lion(1e-2, BETAS, 0.01)),
    ADAFACTOR(
        r ->
            r.optimizer =
                new Adafactor(null, List.of(1e-30, 1e-3), 1, -0.8, 0.9, 0, true, true, false)),
    MOMENTS_OF_8_BITS_IN_BACKWARD(
        r -> {
          r.optimizer = new AdamW8bit(1e-2, BETAS, 1e-8, 0.01, 1024, 1);
          r.full = true;
          r.optimizerInBwd = true;
          r.accumulation = 1;
          r.batchSize = 2;
          r.activationCheckpointing = true;
        }),
    OPTIMIZER_IN_BACKWARD(
        r -> {
          r.full = true;
          r.optimizerInBwd = true;
          r.accumulation = 1;
          r.batchSize = 2;
          r.activationCheckpointing = true;
        });

    final Consumer<TinyRun> change;

    Kind(Consumer<TinyRun> change) {
      this.change = change;
    }

    TinyRun run() {
      TinyRun run = new TinyRun();
      change.accept(run);
      return run;
    }
  }

  /** What a run leaves that was not stopped. */
  private record Whole(byte[] weights, List<JsonNode> metrics) {}

  private Whole whole(Kind kind) throws IOException {
    if (!wholes.containsKey(kind)) {
      Path out = undisturbed.resolve(kind.name());
      TinyRun run = kind.run();
      run.run(out);
      wholes.put(kind, new Whole(run.weights(out), TinyRun.metrics(out)));
    }
    return wholes.get(kind);
  }

  /** A step drawn by a seed. */
  @ParameterizedTest
  @EnumSource
  void resume_afterAStep_endsInTheSameBytes(Kind kind) throws IOException {
    long seed = System.nanoTime() & 0xffffff;
    int stop = 1 + new Random(seed).nextInt(whole(kind).metrics.size());
    System.out.printf("%s: stopped after step %d, seed %d%n", kind, stop, seed);
    stopAndResume(kind, stop);
  }

  @Tag("long")
  @ParameterizedTest
  @EnumSource
  void resume_afterAnyStep_endsInTheSameBytes(Kind kind) throws IOException {
    for (int stop = 1; stop <= whole(kind).metrics.size(); stop++) {
      stopAndResume(kind, stop);
    }
  }

  private void stopAndResume(Kind kind, int stop) throws IOException {
    Path out = temp.resolve("stopped-" + stop);
    TinyRun run = kind.run();
    run.runAndStopAfter(out, stop);
    assertTrue(
        run.printed.endsWith(
            "stopped; saved %s; continue with:%n  tune again%n"
                .formatted(out.resolve("checkpoints/step_" + stop))),
        run.printed);
    run.resume = true;
    run.run(out);
    assertTrue(
        run.printed.contains("resuming from " + out.resolve("checkpoints/step_" + stop)),
        run.printed);
    assertArrayEquals(whole(kind).weights, run.weights(out), "stopped after step " + stop);
    assertEquals(whole(kind).metrics, TinyRun.metrics(out));
  }

  @ParameterizedTest
  @EnumSource
  void resume_afterEveryStep_endsInTheSameBytes(Kind kind) throws IOException {
    Path out = temp.resolve("a step at a time");
    TinyRun run = kind.run();
    for (int i = 0; i < whole(kind).metrics.size(); i++) {
      run.runAndStopAfter(out, 1);
      run.resume = true;
    }
    run.run(out);
    assertArrayEquals(whole(kind).weights, run.weights(out));
    assertEquals(whole(kind).metrics, TinyRun.metrics(out));
    run.run(out);
    assertTrue(
        run.printed.endsWith("nothing to do: the run in %s is complete%n".formatted(out)),
        run.printed);
  }

  /** The run ends as a bug would end it, after a step that was not saved. */
  @ParameterizedTest
  @CsvSource({"1", "3", "5"})
  void resume_afterAFailure_goesOnFromTheLastCheckpoint(int steps) throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    int[] made = {0};
    assertThrows(
        IllegalStateException.class,
        () ->
            run.run(
                out,
                () -> {
                  if (++made[0] == steps) {
                    throw new IllegalStateException("a bug");
                  }
                  return false;
                }));
    run.resume = true;
    run.run(out);
    assertTrue(
        run.printed.contains(
            steps == 1
                ? out + " holds no checkpoint to resume from; starting at step 1"
                : "resuming from " + out.resolve("checkpoints/step_" + (steps - 1))),
        run.printed);
    assertArrayEquals(expected.weights, run.weights(out));
    assertEquals(expected.metrics, TinyRun.metrics(out));
  }

  @Test
  void resume_withOtherThreads_keepsTheDealingOfRows() throws IOException {
    TinyRun two = new TinyRun();
    two.batchSize = 4;
    Path whole = temp.resolve("whole");
    two.run(whole);
    byte[] expected = two.weights(whole);
    Path out = temp.resolve("out");
    two.runAndStopAfter(out, 1);
    two.resume = true;
    two.threads = 1;
    two.run(out);
    assertArrayEquals(expected, two.weights(out));
  }

  /** What can happen to a checkpoint. */
  enum Damage {
    TRUNCATED("adapter_model.safetensors has 100 bytes, expected ") {
      @Override
      void apply(Path step) throws IOException {
        shorten(step.resolve("adapter_model.safetensors"));
      }
    },
    BIT_FLIPPED("adapter_model.safetensors has another SHA-256 than when it was written") {
      @Override
      void apply(Path step) throws IOException {
        flip(step.resolve("adapter_model.safetensors"));
      }
    },
    OPTIMIZER_FLIPPED("optimizer.safetensors has another SHA-256 than when it was written") {
      @Override
      void apply(Path step) throws IOException {
        flip(step.resolve("optimizer.safetensors"));
      }
    },
    STATE_GARBLED("state.json has another SHA-256 than when it was written") {
      @Override
      void apply(Path step) throws IOException {
        flip(step.resolve("state.json"));
      }
    },
    STATE_MISSING("'state.json' is missing") {
      @Override
      void apply(Path step) throws IOException {
        Files.delete(step.resolve("state.json"));
      }
    },
    OPTIMIZER_MISSING("'optimizer.safetensors' is missing") {
      @Override
      void apply(Path step) throws IOException {
        Files.delete(step.resolve("optimizer.safetensors"));
      }
    },
    MANIFEST_MISSING("manifest.json cannot be read: ") {
      @Override
      void apply(Path step) throws IOException {
        Files.delete(step.resolve("manifest.json"));
      }
    },
    MANIFEST_GARBLED("manifest.json is not JSON: ") {
      @Override
      void apply(Path step) throws IOException {
        Files.writeString(step.resolve("manifest.json"), "{\"files\": {\"state.json\"");
      }
    },
    MANIFEST_EMPTY("manifest.json lists no files") {
      @Override
      void apply(Path step) throws IOException {
        Files.writeString(step.resolve("manifest.json"), "");
      }
    },
    MANIFEST_WITHOUT_STATE("manifest.json does not list state.json") {
      @Override
      void apply(Path step) throws IOException {
        Path manifest = step.resolve("manifest.json");
        ObjectMapper mapper = new ObjectMapper();
        JsonNode json = mapper.readTree(manifest.toFile());
        ((ObjectNode) json.get("files")).remove("state.json");
        mapper.writeValue(manifest.toFile(), json);
        Files.delete(step.resolve("state.json"));
      }
    };

    final String words;

    Damage(String words) {
      this.words = words;
    }

    abstract void apply(Path step) throws IOException;

    static void shorten(Path file) throws IOException {
      byte[] bytes = Files.readAllBytes(file);
      Files.write(file, java.util.Arrays.copyOf(bytes, 100));
    }

    static void flip(Path file) throws IOException {
      byte[] bytes = Files.readAllBytes(file);
      bytes[bytes.length / 2] ^= 4;
      Files.write(file, bytes);
    }
  }

  @ParameterizedTest
  @EnumSource
  void resume_damagedNewest_warnsAndUsesTheOneBefore(Damage damage) throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 5);
    assertEquals(List.of("step_3", "step_4", "step_5"), TinyRun.checkpoints(out));
    Path newest = out.resolve("checkpoints/step_5");
    damage.apply(newest);
    run.resume = true;
    run.run(out);
    String warning = "warning: checkpoint " + newest + " is damaged: " + damage.words;
    String[] lines =
        run.printed.lines().dropWhile(l -> !l.startsWith("warning")).toArray(String[]::new);
    assertTrue(lines[0].startsWith(warning), run.printed);
    assertTrue(lines[0].endsWith("; trying the one before it"), run.printed);
    assertEquals("resuming from " + out.resolve("checkpoints/step_4"), lines[1]);
    assertArrayEquals(expected.weights, run.weights(out));
    assertEquals(expected.metrics, TinyRun.metrics(out));
  }

  @Test
  void resume_allDamaged_startsAnewAndKeepsThemAside() throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 3);
    for (String step : TinyRun.checkpoints(out)) {
      Damage.TRUNCATED.apply(out.resolve("checkpoints").resolve(step));
    }
    run.resume = true;
    run.run(out);
    assertTrue(
        run.printed.contains(out + " holds no checkpoint to resume from; starting at step 1"),
        run.printed);
    assertEquals(List.of("step_2", "step_3"), TinyRun.names(out.resolve("checkpoints.old")));
    assertArrayEquals(expected.weights, run.weights(out));
  }

  /** A kill between the two renames that replace a checkpoint of the same step. */
  @Test
  void resume_cutBetweenTheRenames_usesTheEarlierFolder() throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.keep = 1;
    run.runAndStopAfter(out, 3);
    Path checkpoints = out.resolve("checkpoints");
    Files.move(checkpoints.resolve("step_3"), checkpoints.resolve(".step_3.01234567.old"));
    run.resume = true;
    run.run(out);
    assertTrue(run.printed.contains("resuming from " + checkpoints), run.printed);
    assertArrayEquals(expected.weights, run.weights(out));
    assertEquals(List.of("step_6"), TinyRun.checkpoints(out));
  }

  @Test
  void resume_changedConfig_showsEveryDifference() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 1);
    run.resume = true;
    run.lr = 5e-3;
    run.seed = 8;
    run.rows = TinyRun.rows(2, 5);
    assertEquals(
        "the run cannot resume with these changes: optimizer.lr: 0.01 -> 0.005; seed: 7 -> 8; the rows of the"
            + " data set have changed; undo them, or start a new run in another output_dir"
            + " (with checkpointer.adapter_checkpoint to start from its adapter)",
        assertThrows(UsageException.class, () -> run.run(out)).getMessage());
    assertEquals(List.of("step_1"), TinyRun.checkpoints(out));
  }

  @Test
  void resume_freeKeys_areAccepted() throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    Path moved = temp.resolve("moved");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 3);
    Files.move(out, moved);
    run.resume = true;
    run.keep = 1;
    run.saveEvery = 1;
    run.run(moved);
    assertArrayEquals(expected.weights, run.weights(moved));
    assertEquals(List.of("step_6"), TinyRun.checkpoints(moved));
  }

  /** The adapter was trained on other weights: nothing else would tell. */
  @Test
  void resume_exchangedBase_isRefused() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.model = copyOfModel("model");
    run.runAndStopAfter(out, 1);
    Path weights = run.model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    run.resume = true;
    String message = assertThrows(UsageException.class, () -> run.run(out)).getMessage();
    assertTrue(
        message.matches(
            "the run cannot resume with these changes: the base model in checkpointer.checkpoint_dir has"
                + " changed: sha256 [0-9a-f]{12} -> [0-9a-f]{12}; undo them, or .*"),
        message);
    assertEquals(List.of("step_1"), TinyRun.checkpoints(out));
  }

  @Test
  void resume_movedBase_isTheSame() throws IOException {
    Whole expected = whole(Kind.PLAIN);
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.model = copyOfModel("model");
    run.runAndStopAfter(out, 1);
    run.resume = true;
    run.model = copyOfModel("elsewhere");
    run.run(out);
    assertArrayEquals(expected.weights, run.weights(out));
  }

  private Path copyOfModel(String name) throws IOException {
    Path copy = Files.createDirectory(temp.resolve(name));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(TinyRun.MODEL.resolve(file), copy.resolve(file));
    }
    return copy;
  }

  /** The backend was the first available then, and is another now. */
  @Test
  void resume_onAnotherBackend_isRefused() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 1);
    Path step = out.resolve("checkpoints/step_1");
    Path state = step.resolve("state.json");
    String backend = System.getProperty("tune4j.test.backend");
    Files.writeString(
        state,
        Files.readString(state)
            .replace("\"backend\" : \"" + backend + "\"", "\"backend\" : \"other\""));
    Manifest.write(step);
    run.resume = true;
    String message = assertThrows(UsageException.class, () -> run.run(out)).getMessage();
    assertTrue(
        message.startsWith(
            "the run cannot resume with these changes: backend: other -> " + backend + ";"),
        message);
  }

  @Test
  void keepLastN_leavesTheNewest() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.keep = 2;
    run.saveEvery = 1;
    run.run(out);
    assertEquals(List.of("step_5", "step_6"), TinyRun.checkpoints(out));
  }

  @Test
  void run_again_isRefusedAndTouchesNothing() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.run(out);
    byte[] weights = run.weights(out);
    List<JsonNode> metrics = TinyRun.metrics(out);
    run.lr = 5e-3;
    String refusal = assertThrows(UsageException.class, () -> run.run(out)).getMessage();
    assertTrue(
        refusal.contains("(epoch_0, epoch_1, checkpoints, logs/metrics.jsonl); continue"), refusal);
    assertEquals("", run.printed);
    assertArrayEquals(weights, run.weights(out));
    assertEquals(metrics, TinyRun.metrics(out));
    run.dryRun = true;
    run.run(out);
    assertEquals(metrics, TinyRun.metrics(out));
  }

  @Test
  void resume_moreEpochsAfterTheEnd_trainsOn() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.run(out);
    run.resume = true;
    run.epochs = 4;
    run.run(out);
    assertTrue(run.printed.contains("epochs: 2 -> 4"), run.printed);
    assertEquals(List.of("epoch_0", "epoch_1", "epoch_2", "epoch_3"), epochs(out));
    Path whole = temp.resolve("whole");
    TinyRun four = new TinyRun();
    four.epochs = 4;
    four.run(whole);
    // From there on the rate is that of four epochs, and so are the rows.
    for (int step = 6; step < 12; step++) {
      for (String key : List.of("step", "epoch", "lr", "tokens")) {
        assertEquals(
            TinyRun.metrics(whole).get(step).get(key), TinyRun.metrics(out).get(step).get(key));
      }
    }
    run.epochs = 3;
    run.run(out);
    assertTrue(run.printed.contains("nothing to do"), run.printed);
  }

  @Test
  void resume_moreEpochsAfterAnEarlyEnd_isComplete() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.validation = TinyRun.rows(3, 2);
    run.lr = 0;
    run.patience = 1;
    run.validateEvery = 1;
    run.run(out);
    assertTrue(run.printed.contains("stopped early"), run.printed);
    run.resume = true;
    run.epochs = 4;
    run.run(out);
    assertTrue(run.printed.contains("nothing to do"), run.printed);
    assertEquals(List.of("epoch_0"), epochs(out));
  }

  private static List<String> epochs(Path out) throws IOException {
    return TinyRun.names(out).stream().filter(n -> n.startsWith("epoch_")).toList();
  }

  @Test
  void run_overwriting_deletesResultsAndSetsCheckpointsAside() throws IOException {
    Path out = temp.resolve("out");
    TinyRun run = new TinyRun();
    run.runAndStopAfter(out, 4);
    assertEquals(List.of("epoch_0"), epochs(out));
    run.saveEvery = null;
    run.overwrite = true;
    run.runAndStopAfter(out, 1);
    assertTrue(
        run.printed.contains(
            "%s holds an earlier run's checkpoints; they are now in %s"
                .formatted(out, out.resolve("checkpoints.old"))),
        run.printed);
    assertEquals(
        List.of("step_2", "step_3", "step_4"), TinyRun.names(out.resolve("checkpoints.old")));
    assertEquals(List.of("step_1"), TinyRun.checkpoints(out));
    assertEquals(List.of(), epochs(out));
    assertEquals(1, TinyRun.metrics(out).size());
  }
}
