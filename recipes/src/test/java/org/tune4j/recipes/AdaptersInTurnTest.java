package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.collective.RunsInTurn;
import org.tune4j.loss.DpoLoss;
import org.tune4j.models.Quantisation;
import org.tune4j.optim.Lion;
import org.tune4j.spi.Backends;

/** Runs that take turns over the same frozen weights are, bit for bit, what each is alone. */
class AdaptersInTurnTest {
  @TempDir Path dir;

  /** Runs that differ in all that may differ. */
  private static Map<String, Supplier<TinyRun>> adapters() {
    Map<String, Supplier<TinyRun>> all = new LinkedHashMap<>();
    all.put("plain", TinyRun::new);
    all.put(
        "other",
        () -> {
          TinyRun run = new TinyRun();
          run.rank = 7;
          run.seed = 11;
          run.lr = 3e-3;
          run.rows = TinyRun.rows(5, 9);
          run.batchSize = 3;
          run.accumulation = 1;
          run.epochs = 3;
          run.dropout = 0.25;
          run.validation = TinyRun.rows(6, 3);
          run.validateEvery = 2;
          return run;
        });
    all.put(
        "packed",
        () -> {
          TinyRun run = new TinyRun();
          run.rank = 1;
          run.rows = TinyRun.packs(8, 4);
          run.optimizer = new Lion(1e-2, List.of(0.9, 0.999), 0.01);
          run.activationCheckpointing = true;
          run.epochs = 1;
          return run;
        });
    all.put(
        "nf4",
        () -> {
          TinyRun run = new TinyRun();
          run.quantisation = new Quantisation(true, true);
          run.batchSize = 2;
          return run;
        });
    all.put(
        "preferences",
        () -> {
          TinyRun run = new TinyRun();
          run.preferences = true;
          run.loss = new DpoLoss(0.5, 0, false, 5);
          run.rows = TinyRun.pairs(3, 3);
          return run;
        });
    return all;
  }

  private void inTurn(String folder, Map<String, TinyRun> runs, Map<String, Throwable> failures) {
    inTurn(folder, runs, failures, () -> false);
  }

  private void inTurn(
      String folder,
      Map<String, TinyRun> runs,
      Map<String, Throwable> failures,
      BooleanSupplier stop) {
    List<RunsInTurn.Run> all = new ArrayList<>();
    runs.forEach(
        (name, run) ->
            all.add(
                new RunsInTurn.Run(
                    name,
                    turn ->
                        run.run(
                            dir.resolve(folder).resolve(name),
                            () -> {
                              turn.pass();
                              return stop.getAsBoolean();
                            },
                            turn),
                    e -> failures.put(name, e))));
    RunsInTurn.run(Backends.installed(), all);
  }

  private static Map<String, TinyRun> made(Map<String, Supplier<TinyRun>> adapters) {
    Map<String, TinyRun> runs = new LinkedHashMap<>();
    adapters.forEach((name, run) -> runs.put(name, run.get()));
    return runs;
  }

  private void assertAsAlone(String folder, String name, Supplier<TinyRun> adapter)
      throws IOException {
    Path alone = dir.resolve("alone").resolve(name);
    if (Files.notExists(alone)) {
      adapter.get().run(alone);
    }
    Path together = dir.resolve(folder).resolve(name);
    TinyRun run = adapter.get();
    assertEquals(TinyRun.metrics(alone), TinyRun.metrics(together), name);
    assertArrayEquals(run.weights(alone), run.weights(together), name);
    assertEquals(
        TinyRun.checkpoints(alone).get(TinyRun.checkpoints(alone).size() - 1),
        TinyRun.checkpoints(together).get(TinyRun.checkpoints(together).size() - 1),
        name);
  }

  @Test
  void eachAdapter_isWhatItIsAlone() throws IOException {
    Map<String, Throwable> failures = new LinkedHashMap<>();
    inTurn("together", made(adapters()), failures);
    assertEquals(Map.of(), failures);
    for (Map.Entry<String, Supplier<TinyRun>> adapter : adapters().entrySet()) {
      assertAsAlone("together", adapter.getKey(), adapter.getValue());
    }
  }

  @Test
  void stoppedTogether_resumedTogether_isWhatItIsAlone_alsoWhereOneHadEnded() throws IOException {
    Map<String, Throwable> failures = new LinkedHashMap<>();
    int[] asked = {0};
    // "packed" makes 2 steps; the others are stopped in their third.
    inTurn("twice", made(adapters()), failures, () -> ++asked[0] > 2 * adapters().size() - 1);
    assertEquals(Map.of(), failures);
    assertTrue(Files.exists(dir.resolve("twice/packed/epoch_0/adapter_model.safetensors")));
    assertFalse(Files.exists(dir.resolve("twice/other/epoch_2")));

    Map<String, TinyRun> again = made(adapters());
    again.values().forEach(run -> run.resume = true);
    inTurn("twice", again, failures);
    assertEquals(Map.of(), failures);
    assertTrue(again.get("packed").printed.contains("complete"), again.get("packed").printed);
    for (Map.Entry<String, Supplier<TinyRun>> adapter : adapters().entrySet()) {
      assertAsAlone("twice", adapter.getKey(), adapter.getValue());
    }
  }

  @Test
  void oneThatFailsInAStep_leavesTheOthersAsTheyAreAlone() throws IOException {
    Map<String, Supplier<TinyRun>> adapters = adapters();
    adapters.keySet().retainAll(List.of("plain", "other"));
    Map<String, TinyRun> runs = made(adapters);
    TinyRun diverging = new TinyRun();
    diverging.alpha = 1e38;
    diverging.batchSize = 3;
    runs.put("diverging", diverging);
    Map<String, Throwable> failures = new LinkedHashMap<>();
    inTurn("failing", runs, failures);
    assertEquals(List.of("diverging"), List.copyOf(failures.keySet()));
    String message = String.valueOf(failures.get("diverging").getMessage());
    assertTrue(message.startsWith("step 1: the gradient "), message);
    for (Map.Entry<String, Supplier<TinyRun>> adapter : adapters.entrySet()) {
      assertAsAlone("failing", adapter.getKey(), adapter.getValue());
    }
  }

  @Test
  void oneThatFailsBeforeItsFirstStep_letsNoneBegin() throws IOException {
    Map<String, TinyRun> runs = new LinkedHashMap<>();
    runs.put("good", new TinyRun());
    TinyRun bad = new TinyRun();
    bad.rows = List.of(TinyRun.maskedRow());
    bad.model = dir.resolve("nowhere");
    runs.put("bad", bad);
    Map<String, Throwable> failures = new LinkedHashMap<>();
    inTurn("none", runs, failures);
    assertEquals(List.of("bad"), List.copyOf(failures.keySet()));
    assertFalse(Files.exists(dir.resolve("none/good")));
  }

  @Test
  void planOfAll_isPrintedOnce() {
    Map<String, TinyRun> runs = new LinkedHashMap<>();
    runs.put("a", new TinyRun());
    runs.put("b", new TinyRun());
    runs.values().forEach(run -> run.dryRun = true);
    Map<String, Throwable> failures = new LinkedHashMap<>();
    inTurn("dry", runs, failures);
    assertEquals(Map.of(), failures);
    String first = runs.get("a").printed;
    assertTrue(first.contains("optimiser (of 2 adapters)"), first);
    assertFalse(runs.get("b").printed.contains("memory plan"), runs.get("b").printed);
    assertTrue(runs.get("b").printed.contains("dry run"), runs.get("b").printed);
  }
}
