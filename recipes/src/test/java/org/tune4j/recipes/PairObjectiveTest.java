package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.nn.Objective;
import org.tune4j.nn.RowsAtHead;

/** Runs whose objective compares the two rows of a pair. */
class PairObjectiveTest {
  @TempDir Path dir;

  /** A hinge on how much likelier the first row of a pair is than without adapters. */
  private static final class Margin implements Objective {
    @Override
    public int chunkTokens() {
      return 5;
    }

    @Override
    public int rowsTogether() {
      return 2;
    }

    @Override
    public boolean needsReference() {
      return true;
    }

    @Override
    public List<String> metrics() {
      return List.of("margin");
    }

    @Override
    public long count(long rows, long labelTokens) {
      return rows / 2;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      double[] now = rows.logProbabilities();
      double[] before = rows.referenceLogProbabilities();
      double[] weights = new double[now.length];
      double loss = 0;
      double margins = 0;
      for (int i = 0; i < now.length; i += 2) {
        double margin = now[i] - before[i] - (now[i + 1] - before[i + 1]);
        margins += margin;
        loss += Math.max(0, 4 - margin);
        weights[i] = margin < 4 ? -1 : 0;
        weights[i + 1] = -weights[i];
      }
      rows.backward(weights);
      return new Sums(loss, Map.of("margin", margins));
    }
  }

  private static TinyRun run() {
    TinyRun run = new TinyRun();
    run.loss = new Margin();
    run.rows = TinyRun.rows(3, 6);
    run.validation = TinyRun.rows(4, 2);
    run.batchSize = 2;
    run.accumulation = 1;
    return run;
  }

  @Test
  void pairs_growApart_andMetricsTellOfIt() throws IOException {
    TinyRun run = run();
    run.epochs = 4;
    run.run(dir);
    List<JsonNode> steps = TinyRun.metrics(dir);
    assertEquals(8, steps.size());
    assertEquals(0, steps.get(0).get("margin").asDouble(), 1e-4);
    assertEquals(4, steps.get(0).get("loss").asDouble(), 1e-4);
    assertTrue(steps.get(7).get("margin").asDouble() > 0.1, steps::toString);
    assertTrue(steps.get(7).has("val_loss"), steps::toString);
  }

  @Test
  void stoppedAndResumed_givesTheSameBits() throws IOException {
    TinyRun.assertResumesToTheSameBits(PairObjectiveTest::run, dir);
  }

  @Test
  void rowsThatAreNoPairs_areRefused() {
    TinyRun odd = run();
    odd.rows = TinyRun.rows(3, 5);
    assertEquals(
        "dataset: there are 5 rows, the loss takes 2 together; give a multiple of 2 rows",
        assertThrows(InputException.class, () -> odd.run(dir)).getMessage());
    TinyRun packed = run();
    packed.rows = TinyRun.packs(3, 4);
    assertEquals(
        "dataset: the loss takes 2 rows together, which packs would divide; set dataset.packed=false",
        assertThrows(InputException.class, () -> packed.run(dir)).getMessage());
  }

  @Test
  void allWeights_haveNoReference() {
    TinyRun full = run();
    full.full = true;
    assertEquals(
        "loss compares the model with what it was, of which full_finetune keeps no copy; use full_dpo_distributed, or lora_dpo_single_device",
        assertThrows(UsageException.class, () -> full.run(dir)).getMessage());
  }
}
