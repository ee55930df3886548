package org.tune4j.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;

/**
 * Schedules as transformers' LambdaLR functions give them: what each of five steps is scaled by.
 */
class LrScheduleTest {
  private static double[] factors(LrSchedule schedule, int steps) {
    return IntStream.range(0, steps).mapToDouble(s -> schedule.factor(s, steps)).toArray();
  }

  @Test
  void factor_constantWithWarmup_risesAndStays() {
    assertArrayEquals(new double[] {0, 0.5, 1, 1, 1}, factors(new ConstantWithWarmup(2), 5));
    assertArrayEquals(new double[] {1, 1, 1}, factors(ConstantWithWarmup.constant(100), 3));
    assertArrayEquals(new double[] {1, 1}, factors(LrSchedule.orConstant(null), 2));
  }

  @Test
  void factor_linearWithWarmup_risesAndFalls() {
    assertArrayEquals(
        new double[] {0, 0.5, 1, 2.0 / 3, 1.0 / 3}, factors(new LinearWithWarmup(2), 5));
    assertArrayEquals(new double[] {1, 0.75, 0.5, 0.25}, factors(new LinearWithWarmup(0), 4));
  }

  @Test
  void construct_negativeWarmup_refused() {
    for (Runnable make :
        List.<Runnable>of(() -> new ConstantWithWarmup(-1), () -> new LinearWithWarmup(-1))) {
      assertEquals(
          "num_warmup_steps is -1, expected 0 or more",
          assertThrows(UsageException.class, make::run).getMessage());
    }
  }

  @Test
  void warning_warmupThatDoesNotEnd_saysBothNumbers() {
    assertEquals(
        Optional.of(
            "warning: the warm-up takes 100 steps and the run has 3: the learning rate rises to 2.0% of optimizer.lr and no further; lower lr_scheduler.num_warmup_steps"),
        new CosineWithWarmup(100, 0.5).warning(3));
    assertEquals(Optional.empty(), new LinearWithWarmup(2).warning(3));
    assertEquals(Optional.empty(), LrSchedule.orConstant(null).warning(1));
  }
}
