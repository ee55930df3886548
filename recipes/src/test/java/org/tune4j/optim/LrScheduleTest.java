package org.tune4j.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;

/** Schedules as transformers' LambdaLR functions give them: what each step is scaled by. */
class LrScheduleTest {
  private static double[] factors(LrSchedule schedule, int steps) {
    return IntStream.range(0, steps).mapToDouble(s -> schedule.factor(s, steps)).toArray();
  }

  @Test
  void factor_constant_risesAndStays() {
    assertArrayEquals(new double[] {0, 0.5, 1, 1, 1}, factors(new Constant(2), 5));
    assertArrayEquals(new double[] {1, 1, 1}, factors(Constant.cold(100), 3));
    assertArrayEquals(new double[] {1, 1}, factors(LrSchedule.orConstant(null), 2));
  }

  @Test
  void factor_linear_risesAndFalls() {
    assertArrayEquals(new double[] {0, 0.5, 1, 2.0 / 3, 1.0 / 3}, factors(new Linear(2), 5));
    assertArrayEquals(new double[] {1, 0.75, 0.5, 0.25}, factors(new Linear(0), 4));
  }

  @Test
  void factor_cosineWithRestarts_beginsAnew() {
    assertArrayEquals(
        new double[] {0, 0.5, 1, 0.75, 0.25, 1, 0.75, 0.25},
        factors(new CosineWithRestarts(2, 2), 8),
        1e-15);
    assertArrayEquals(factors(new Cosine(2, 0.5), 9), factors(new CosineWithRestarts(2, 1), 9));
    assertEquals(0, new CosineWithRestarts(0, 3).factor(7, 7));
  }

  @Test
  void factor_inverseSqrt_fallsWithTheRootOfTheSteps() {
    assertArrayEquals(
        new double[] {0, 0.5, 1, Math.sqrt(2 / 3.0), Math.sqrt(0.5)},
        factors(new InverseSqrt(2, null), 5),
        1e-15);
    assertArrayEquals(
        new double[] {1, Math.sqrt(0.75), Math.sqrt(0.6)},
        factors(new InverseSqrt(0, 3), 3),
        1e-15);
    assertEquals(Math.sqrt(0.5), new InverseSqrt(0, null).factor(10_000, 20_000), 1e-15);
  }

  @Test
  void factor_rex_staysHighAndFallsLate() {
    assertArrayEquals(new double[] {0, 1, 6.0 / 7, 2.0 / 3, 0.4}, factors(new Rex(1), 5), 1e-15);
    assertEquals(0, new Rex(1).factor(5, 5));
  }

  @Test
  void factor_runThatEndsInTheWarmup_rises() {
    for (LrSchedule schedule :
        List.of(
            new Constant(9),
            new Linear(9),
            new Cosine(9, 0.5),
            new CosineWithRestarts(9, 2),
            new InverseSqrt(9, null),
            new Rex(9))) {
      assertArrayEquals(new double[] {0, 1.0 / 9, 2.0 / 9}, factors(schedule, 3), schedule + "");
    }
  }

  @Test
  void construct_numberTooSmall_refused() {
    for (Runnable make :
        List.<Runnable>of(
            () -> new Constant(-1),
            () -> new Linear(-1),
            () -> new CosineWithRestarts(-1, 1),
            () -> new InverseSqrt(-1, null),
            () -> new Rex(-1))) {
      assertEquals(
          "num_warmup_steps is -1, expected 0 or more",
          assertThrows(UsageException.class, make::run).getMessage());
    }
    assertEquals(
        "num_cycles is 0, expected 1 or more",
        assertThrows(UsageException.class, () -> new CosineWithRestarts(0, 0)).getMessage());
    assertEquals(
        "timescale is 0, expected 1 or more",
        assertThrows(UsageException.class, () -> new InverseSqrt(0, 0)).getMessage());
  }

  @Test
  void warning_warmupThatDoesNotEnd_saysBothNumbers() {
    assertEquals(
        Optional.of(
            "warning: the warm-up takes 100 steps and the run has 3: the learning rate rises to 2.0% of optimizer.lr and no further; lower lr_scheduler.num_warmup_steps"),
        new Cosine(100, 0.5).warning(3));
    assertEquals(Optional.empty(), new Linear(2).warning(3));
    assertEquals(Optional.empty(), LrSchedule.orConstant(null).warning(1));
  }
}
