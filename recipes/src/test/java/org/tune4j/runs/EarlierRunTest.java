package org.tune4j.runs;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;

class EarlierRunTest {
  @TempDir Path temp;
  private Path out;
  private EarlierRun earlier;

  @BeforeEach
  void inOneFolder() {
    out = temp.resolve("out");
    earlier = new EarlierRun(out, out);
  }

  private Path file(String name, String text) throws IOException {
    Path file = out.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private void assertRefused(String results) {
    UsageException e = assertThrows(UsageException.class, earlier::requireNone);
    assertEquals(
        "output_dir %s holds an earlier run's results (%s); continue that run with --resume (resume_from_checkpoint=true), delete its results with --overwrite (overwrite=true), or choose another output_dir"
            .formatted(out, results),
        e.getMessage());
  }

  @Test
  void requireNone_whatAFailedStartLeaves_isFree() throws IOException {
    assertDoesNotThrow(earlier::requireNone);
    file(".lock", "");
    file("config.yaml", "epochs: 1");
    file("logs/metrics.jsonl", "");
    file("checkpoints/notes.txt", "not a checkpoint");
    file("epoch_0.zip", "somebody's");
    assertDoesNotThrow(earlier::requireNone);
  }

  @Test
  void requireNone_anyResult_isRefusedByName() throws IOException {
    file("logs/metrics.jsonl", "{\"step\":1}\n");
    assertRefused("logs/metrics.jsonl");
    file("checkpoints/step_4/state.json", "{}");
    assertRefused("checkpoints, logs/metrics.jsonl");
    file("epoch_0/config.json", "{}");
    file("best/config.json", "{}");
    assertRefused("best, epoch_0, checkpoints, logs/metrics.jsonl");
  }

  @Test
  void requireNone_modelsElsewhere_areRefusedToo() throws IOException {
    Path models = Files.createDirectories(temp.resolve("models"));
    Files.createDirectories(models.resolve("epoch_1"));
    earlier = new EarlierRun(out, models);
    assertRefused(models.resolve("epoch_1").toString());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void delete_foreignFiles_stay() throws IOException {
    Path notes = file("notes.txt", "mine");
    Path log = file("logs/log.txt", "mine");
    file("epoch_12/adapter_model.safetensors", "");
    file("logs/metrics.jsonl", "{\"step\":1}\n");
    file("logs/loss.png", "");
    Path elsewhere = Files.createDirectories(temp.resolve("elsewhere"));
    Path linked = Files.createSymbolicLink(out.resolve("best"), elsewhere);
    earlier.delete();
    assertDoesNotThrow(earlier::requireNone);
    assertTrue(Files.exists(notes) && Files.exists(log) && Files.exists(linked));
    assertFalse(
        Files.exists(out.resolve("epoch_12")) || Files.exists(out.resolve("logs/loss.png")));
  }

  @Test
  void requireUnused_modelThatTheRunReads_isRefused() throws IOException {
    Path base = file("epoch_0/config.json", "{}").getParent();
    UsageException e = assertThrows(UsageException.class, () -> earlier.requireUnused(base));
    assertEquals(
        "--overwrite would delete %s, which this run reads; choose another output_dir"
            .formatted(base),
        e.getMessage());
    assertDoesNotThrow(() -> earlier.requireUnused(temp));
  }
}
