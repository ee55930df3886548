package org.tune4j.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.recipe.RunListener;

class StopSignalTest {
  private final AtomicLong seconds = new AtomicLong(1000);
  private final List<String> heard = new ArrayList<>();
  private final StopSignal signal =
      new StopSignal(
          new RunListener() {
            @Override
            public void step(long step, long totalSteps, Map<String, Number> metrics) {
              heard.add("step " + step);
            }
          },
          () -> seconds.get() * 1_000_000_000L);

  @ParameterizedTest
  @CsvSource({
    "180, 0, 'finishing step 12, about 3 minutes'",
    "180, 100, 'finishing step 12, about 80 seconds'",
    "180, 200, finishing step 12",
    "0.2, 0, finishing step 12",
  })
  void answer_afterAStep_saysWhatTheNextStillTakes(double pace, long since, String expected) {
    signal.step(11, 100, Map.of("seconds", pace));
    seconds.addAndGet(since);
    assertEquals(expected, signal.answer());
    assertEquals(List.of("step 11"), heard);
  }

  @Test
  void answer_beforeTheFirstStepAndAfterTheLast_namesNone() {
    assertEquals("finishing the current step", signal.answer());
    signal.step(7, 7, Map.of());
    assertEquals("finishing the run, whose steps are all done", signal.answer());
  }

  @Test
  void interrupted_once_leavesTheSecondToTheSystem() {
    signal.interrupted(() -> heard.add("released"), () -> heard.add(signal.answer()));
    assertEquals(
        List.of("released", "finishing the current step; again to stop without saving"), heard);
  }
}
