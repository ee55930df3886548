package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TrainingException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.data.Example;
import org.tune4j.runs.OutputFolder;

/** What would spoil a run is told or stops it, and what is on the disk stays good. */
class NeverSilentlyWrongTest {
  @TempDir Path temp;

  private Path out() {
    return temp.resolve("out");
  }

  /** The tiny model with other values in part of a tensor. */
  private Path modelWith(String tensor, int from, int count, float factor, float added)
      throws IOException {
    Path model = Files.createDirectory(temp.resolve("model"));
    Files.copy(TinyRun.MODEL.resolve("config.json"), model.resolve("config.json"));
    Path weights = TinyRun.MODEL.resolve("model.safetensors");
    SafetensorsFile.Entry entry = SafetensorsFile.open(weights).entry(tensor);
    byte[] bytes = Files.readAllBytes(weights);
    ByteBuffer values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < from + count; i++) {
      int at = (int) entry.offset() + 4 * i;
      values.putFloat(at, values.getFloat(at) * factor + added);
    }
    Files.write(model.resolve("model.safetensors"), bytes);
    return model;
  }

  @Test
  void loss_notANumber_namesStepAndRowsAndKeepsCheckpoints() throws IOException {
    int poisoned = TinyRun.VOCAB - 1; // in no row but the one below
    TinyRun run = new TinyRun();
    run.model = modelWith("model.embed_tokens.weight", poisoned * 64, 64, 0, Float.NaN);
    run.shuffle = false;
    run.epochs = 1;
    run.saveEvery = 1;
    run.rows = new ArrayList<>(TinyRun.rows(3, 8));
    run.rows.set(6, TinyRun.row(new int[] {9, poisoned, 11, 12}, 1));
    String message = assertThrows(TrainingException.class, () -> run.run(out())).getMessage();
    assertEquals(
        "step 4: the loss of rows 7 is NaN; nothing was updated: lower optimizer.lr, set"
            + " clip_grad_norm=1.0, use dtype=fp32, or look at these rows",
        message);
    assertEquals(List.of("step_1", "step_2", "step_3"), TinyRun.checkpoints(out()));
    assertEquals(3, TinyRun.metrics(out()).size());

    // What was saved is what the same run without the row has: the bad step has touched nothing.
    byte[] kept = adapterOf(out(), 3);
    run.rows.set(6, TinyRun.rows(9, 1).get(0));
    run.runAndStopAfter(temp.resolve("sound"), 3);
    assertArrayEquals(kept, adapterOf(temp.resolve("sound"), 3));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void checkpoint_thatCannotBeWritten_stopsTheRunBeforeTheNext(boolean full) throws IOException {
    Path file = Files.createDirectories(out()).resolve("checkpoints");
    Files.writeString(file, "no folder");
    TinyRun run = new TinyRun();
    run.full = full;
    run.rows = TinyRun.rows(3, 200);
    run.epochs = 1;
    run.saveEvery = 50;
    run.resume = true; // does not wait for the checkpoint
    int[] made = {0};
    BooleanSupplier slow =
        () -> {
          if (++made[0] >= 50) {
            LockSupport.parkNanos(200_000_000); // the saving thread gets its turn
          }
          return false;
        };
    String message =
        assertThrows(EnvironmentException.class, () -> run.run(out(), slow)).getMessage();
    assertTrue(message.startsWith("cannot write the folder " + file.resolve("step_50")), message);
    int steps = TinyRun.metrics(out()).size();
    assertTrue(steps >= 50 && steps < 99, "it made " + steps + " steps of 100");
  }

  private static byte[] adapterOf(Path out, int step) throws IOException {
    return Files.readAllBytes(
        out.resolve("checkpoints/step_" + step).resolve("adapter_model.safetensors"));
  }

  /** With B = 0 the scale does not reach the loss, but it is a factor of B's gradient. */
  @Test
  void gradient_infinite_namesStepAndAllRows() {
    TinyRun run = new TinyRun();
    run.alpha = 1e36;
    run.shuffle = false;
    assertEquals(
        "step 1: the gradient of rows 1, 2 is Infinity; nothing was updated: lower optimizer.lr, set"
            + " clip_grad_norm=1.0, use dtype=fp32, or look at these rows",
        assertThrows(TrainingException.class, () -> run.run(out())).getMessage());
    assertFalse(Files.exists(out().resolve("checkpoints")));
  }

  @Test
  void firstLoss_farAboveAGuess_warns() throws IOException {
    TinyRun run = new TinyRun();
    run.epochs = 1;
    run.model = modelWith("lm_head.weight", 0, TinyRun.VOCAB * 64, 100, 0);
    run.run(out());
    assertTrue(
        run.printed
            .lines()
            .anyMatch(
                l ->
                    l.matches(
                        "warning: the first loss is \\d+\\.\\d\\d, above ln\\(320\\) \\+ 2 = 7\\.77;"
                            + " weights and tokenizer may not belong together")),
        run.printed);
    run.model = TinyRun.MODEL;
    run.overwrite = true;
    run.run(out());
    assertFalse(run.printed.contains("first loss"), run.printed);
  }

  @Test
  void rows_withNothingToLearn_areReportedAndSkipped() throws IOException {
    TinyRun run = new TinyRun();
    run.shuffle = false;
    run.epochs = 1;
    run.rows = new ArrayList<>(TinyRun.rows(1, 5));
    run.rows.set(2, TinyRun.maskedRow());
    run.rows.set(3, TinyRun.maskedRow());
    run.run(out());
    assertTrue(
        run.printed.contains("warning: step 2 is skipped: no token of rows 3, 4 is trained on"),
        run.printed);
    assertEquals(
        List.of(1L, 3L), TinyRun.metrics(out()).stream().map(m -> m.get("step").asLong()).toList());
    byte[] expected = run.weights(out());
    for (int stop = 1; stop <= 3; stop++) {
      Path other = temp.resolve("stopped-" + stop);
      run.resume = false;
      run.runAndStopAfter(other, stop);
      run.resume = true;
      run.run(other);
      assertArrayEquals(expected, run.weights(other));
      assertEquals(TinyRun.metrics(out()), TinyRun.metrics(other));
    }
  }

  @Test
  void microBatches_atAnEpochsEnd_areAStepOfTheirOwn() throws IOException {
    TinyRun run = new TinyRun();
    run.shuffle = false;
    run.run(out());
    List<Long> labels =
        TinyRun.metrics(out()).stream().map(m -> m.get("label_tokens").asLong()).toList();
    List<Example> r = run.rows;
    long first = r.get(0).labelCount() + r.get(1).labelCount();
    long second = r.get(2).labelCount() + r.get(3).labelCount();
    long last = r.get(4).labelCount();
    assertEquals(List.of(first, second, last, first, second, last), labels);
  }

  @Test
  void output_heldByAnotherRun_isRefused() {
    TinyRun run = new TinyRun();
    try (OutputFolder held = OutputFolder.open(out(), true, System.out)) {
      assertEquals(
          "output_dir %s is in use by another run; wait for it or choose another output_dir"
              .formatted(out()),
          assertThrows(UsageException.class, () -> run.run(out())).getMessage());
    }
    run.run(out());
  }

  /** The disk under the checkpoints fails; the first error is the one that is told. */
  @Test
  void checkpoint_cannotBeWritten_stopsTheRunWithOneError() throws IOException {
    Files.createDirectories(out());
    Files.writeString(out().resolve("checkpoints"), "a file in the way");
    TinyRun run = new TinyRun();
    run.awaitsCheckpoints = false;
    Exception e = assertThrows(org.tune4j.TuneException.class, () -> run.run(out()));
    assertTrue(
        e.getMessage().startsWith("cannot write the folder " + out().resolve("checkpoints/step_2")),
        e.toString());
  }

  @Test
  void dryRun_writesNothing() throws IOException {
    TinyRun run = new TinyRun();
    run.dryRun = true;
    run.run(out());
    assertFalse(Files.exists(out()));
    assertTrue(
        run.printed.contains("dry run: the heaviest of 3 batches has 2 rows, "), run.printed);
    assertTrue(run.printed.contains(" 6 steps in all, nothing was written"), run.printed);

    TinyRun sound = new TinyRun();
    sound.runAndStopAfter(out(), 3);
    List<String> before = tree(out());
    run.resume = true;
    run.run(out());
    assertEquals(before, tree(out()));
  }

  /** Every file with its size and time. */
  private static List<String> tree(Path folder) throws IOException {
    List<String> all = new ArrayList<>();
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path p : paths.sorted().toList()) {
        all.add(p + " " + Files.size(p) + " " + Files.getLastModifiedTime(p));
      }
    }
    return all;
  }

  @Test
  void validation_best_isTheAdapterOfTheLeastLoss() throws IOException {
    TinyRun run = new TinyRun();
    run.validation = TinyRun.rows(5, 3);
    run.validateEvery = 1;
    run.saveEvery = 1;
    run.keep = 100;
    run.lr = 0.1;
    run.epochs = 4;
    run.run(out());
    List<JsonNode> metrics = TinyRun.metrics(out());
    JsonNode best = metrics.get(0);
    for (JsonNode m : metrics) {
      if (m.get("val_loss").asDouble() < best.get("val_loss").asDouble()) {
        best = m;
      }
    }
    assertArrayEquals(
        adapterOf(out(), best.get("step").asInt()),
        Files.readAllBytes(out().resolve("best/adapter_model.safetensors")));
    assertTrue(best.get("step").asInt() < metrics.size(), "the last is the best: " + metrics);
  }

  @Test
  void earlyStopping_countsAcrossAResume() throws IOException {
    TinyRun run = new TinyRun();
    run.validation = run.rows; // learnt by heart, so that only a high rate makes it worse
    run.validateEvery = 1;
    run.lr = 0; // the first test is the best; two more are not better
    run.patience = 2;
    run.run(out());
    List<JsonNode> expected = TinyRun.metrics(out());
    assertEquals(3, expected.size());
    assertTrue(
        run.printed.contains(
            "stopped early: 2 validations without a loss below %.4f; the best is in %s"
                .formatted(expected.get(0).get("val_loss").asDouble(), out().resolve("best"))),
        run.printed);
    byte[] adapter =
        Files.readAllBytes(out().resolve("epoch_0").resolve("adapter_model.safetensors"));
    for (int stop = 1; stop <= 3; stop++) {
      Path other = temp.resolve("stopped-" + stop);
      run.resume = false;
      run.runAndStopAfter(other, stop);
      run.resume = true;
      run.run(other);
      assertEquals(expected, TinyRun.metrics(other), "stopped after " + stop);
      assertArrayEquals(
          adapter, Files.readAllBytes(other.resolve("epoch_0/adapter_model.safetensors")));
      run.run(other);
      assertTrue(run.printed.contains("nothing to do"), run.printed);
    }
  }

  /** An epoch of warnings would end in an adapter that has learnt nothing. */
  @Test
  void rows_allMasked_areRefused() {
    TinyRun run = new TinyRun();
    run.rows = List.of(TinyRun.maskedRow(), TinyRun.maskedRow());
    assertEquals(
        "dataset: no token of its 2 rows is trained on; raise tokenizer.max_seq_len or give other"
            + " rows",
        assertThrows(InputException.class, () -> run.run(out())).getMessage());
  }

  @Test
  void validation_rowsWithoutLabels_areRefused() {
    TinyRun run = new TinyRun();
    run.validation = List.of(TinyRun.maskedRow(), TinyRun.maskedRow());
    assertEquals(
        "dataset_val: no token of its 2 rows counts, so that every loss would be 0; raise"
            + " tokenizer.max_seq_len or give other rows",
        assertThrows(InputException.class, () -> run.run(out())).getMessage());
  }

  @Test
  void validation_notANumber_stops() throws IOException {
    int poisoned = TinyRun.VOCAB - 1;
    TinyRun run = new TinyRun();
    run.model = modelWith("model.embed_tokens.weight", poisoned * 64, 64, 0, Float.NaN);
    run.validation =
        List.of(TinyRun.rows(5, 1).get(0), TinyRun.row(new int[] {9, poisoned, 11, 12}, 1));
    assertEquals(
        "the validation loss of rows 2 to 2 of dataset_val is NaN; look at these rows, lower"
            + " optimizer.lr, or use dtype=fp32",
        assertThrows(TrainingException.class, () -> run.run(out())).getMessage());
  }
}
