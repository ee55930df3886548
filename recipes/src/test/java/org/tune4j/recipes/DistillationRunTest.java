package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;
import org.tune4j.loss.DpoLoss;

/** Runs that learn from another model. */
class DistillationRunTest {
  @TempDir Path dir;

  private static TinyRun run() {
    TinyRun run = new TinyRun();
    run.teacher = Path.of("../models/src/test/resources/golden/tiny/families/llama3");
    run.rows = TinyRun.rows(3, 6);
    run.validation = TinyRun.rows(4, 2);
    run.batchSize = 2;
    run.accumulation = 1;
    return run;
  }

  @Test
  void student_comesCloserToItsTeacher() throws IOException {
    TinyRun run = run();
    run.epochs = 6;
    run.run(dir);
    List<JsonNode> steps = TinyRun.metrics(dir);
    JsonNode first = steps.get(0);
    JsonNode last = steps.get(steps.size() - 1);
    assertEquals(
        (first.get("class_loss").asDouble() + first.get("kd_loss").asDouble()) / 2,
        first.get("loss").asDouble(),
        1e-5);
    assertTrue(
        last.get("val_kd_loss").asDouble() > 0 && last.has("val_class_loss"), last::toString);
    double before = steps.stream().limit(3).mapToDouble(s -> s.get("loss").asDouble()).sum();
    double after =
        steps.stream().skip(steps.size() - 3).mapToDouble(s -> s.get("loss").asDouble()).sum();
    assertTrue(after < before, () -> before + " -> " + after);
  }

  @Test
  void stoppedAndResumed_givesTheSameBits() throws IOException {
    TinyRun.assertResumesToTheSameBits(DistillationRunTest::run, dir);
  }

  @Test
  void lossOfPreferences_isRefused() {
    TinyRun run = run();
    run.loss = new DpoLoss(0.1, 0, false, 5);
    assertEquals(
        "loss is no sum over labels, which kd_loss is mixed with; expected chunked_cross_entropy",
        assertThrows(UsageException.class, () -> run.run(dir)).getMessage());
  }
}
