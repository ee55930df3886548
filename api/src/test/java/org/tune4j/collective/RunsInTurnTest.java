package org.tune4j.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.tune4j.reference.ReferenceBackendProvider;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Who has a turn when, what is shared, and what a failure ends. */
class RunsInTurnTest {
  private static final Backends BACKENDS = new Backends(List.of(new ReferenceBackendProvider()));

  private final List<String> said = Collections.synchronizedList(new ArrayList<>());

  private RunsInTurn.Run run(String name, Consumer<RunsInTurn.Turn> body) {
    return new RunsInTurn.Run(
        name, body, e -> said.add("%s failed: %s".formatted(name, e.getMessage())));
  }

  private RunsInTurn.Run steps(String name, int count) {
    return run(
        name,
        turn -> {
          for (int i = 1; i <= count; i++) {
            said.add(name + i);
            turn.pass();
          }
        });
  }

  private static ProcessGroup join(RunsInTurn.Turn turn) {
    return turn.join("", BackendOptions.DEFAULT);
  }

  @Test
  void turns_goRound_untilAllHaveEnded() {
    RunsInTurn.run(BACKENDS, List.of(steps("a", 3), steps("b", 1), steps("c", 2)));
    assertEquals(List.of("a1", "b1", "c1", "a2", "c2", "a3"), said);
  }

  @Test
  void failure_isToldBeforeTheNextTurn_andOthersGoOn() {
    RunsInTurn.run(
        BACKENDS,
        List.of(
            steps("a", 2),
            run(
                "b",
                turn -> {
                  throw new IllegalStateException("no rows");
                }),
            steps("c", 2)));
    assertEquals(List.of("a1", "b failed: no rows", "c1", "a2", "c2"), said);
  }

  @Test
  void ofRuns_meetsThoseThatHaveNotEnded() {
    List<List<String>> brought = new ArrayList<>();
    Consumer<RunsInTurn.Turn> meets =
        turn -> {
          try (ProcessGroup group = join(turn)) {
            brought.add(group.ofRuns("of " + Thread.currentThread().getName()).all());
            brought.add(List.of("own " + group.ofRuns("again").own()));
          }
        };
    RunsInTurn.run(BACKENDS, List.of(run("a", meets), steps("b", 1), run("c", meets)));
    List<String> first = List.of("of run-a", "of run-c");
    assertEquals(List.of(first, first, List.of("own 1"), List.of("own 0")), brought);
    assertEquals(List.of("b1"), said);
  }

  @Test
  void ofRuns_afterAFailure_endsTheOthersSilently() {
    RunsInTurn.run(
        BACKENDS,
        List.of(
            run(
                "a",
                turn -> {
                  try (ProcessGroup group = join(turn)) {
                    said.add("met " + group.ofRuns(1));
                  }
                }),
            run(
                "b",
                turn -> {
                  throw new IllegalStateException("no rows");
                })));
    assertEquals(List.of("b failed: no rows"), said);
  }

  @Test
  void once_sharesWhatIsEqual_untilTheLastHasEnded() {
    List<Tensor> loaded = new ArrayList<>();
    Consumer<RunsInTurn.Turn> loads =
        turn -> {
          try (ProcessGroup group = join(turn);
              TensorScope own = group.engine().openScope()) {
            assertTrue(group.takesTurns());
            assertEquals(1, group.worldSize());
            loaded.add(
                group.once(
                    List.of("zeros", 2), () -> group.engine().zeros(DType.FP32, Shape.of(2))));
            loaded.add(
                group.once(
                    "n" + loaded.size(), () -> group.engine().zeros(DType.FP32, Shape.of(3))));
          }
        };
    RunsInTurn.run(
        BACKENDS,
        List.of(
            run("a", loads),
            run("b", loads),
            run(
                "c",
                turn -> {
                  float[] still = loaded.get(0).toFloats();
                  said.add(still.length + " numbers");
                })));
    assertEquals(List.of("2 numbers"), said);
    assertSame(loaded.get(0), loaded.get(2));
    assertFalse(loaded.get(1) == loaded.get(3));
  }

  @Test
  void interruptedCaller_endsTheRunsAtTheirNextTurns() {
    Thread caller = Thread.currentThread();
    RunsInTurn.run(
        BACKENDS,
        List.of(
            run(
                "a",
                turn -> {
                  caller.interrupt();
                  while (true) {
                    turn.pass();
                  }
                }),
            steps("b", 1)));
    assertTrue(Thread.interrupted());
    assertTrue(said.contains("a failed: interrupted while runs took turns"), said.toString());
  }

  @Test
  void aloneGroup_sharesNothing() {
    ProcessGroup group = Ranks.alone(BACKENDS).join("", BackendOptions.DEFAULT);
    try (group) {
      assertFalse(group.takesTurns());
      assertEquals(List.of("mine"), group.ofRuns("mine").all());
      assertFalse(group.once("a", Object::new) == group.once("a", Object::new));
    }
  }
}
