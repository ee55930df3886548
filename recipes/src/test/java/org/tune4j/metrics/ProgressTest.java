package org.tune4j.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, UTF_8);

  private static StepMetrics step(long step, double seconds) {
    return new StepMetrics(
        step, 0, 1.25, 3e-4, 1, 10, 100, seconds, 1, null, Map.of(), null, Map.of());
  }

  private String printed() {
    return bytes.toString(UTF_8);
  }

  @Test
  void show_elsewhere_isALineAStep() {
    try (Progress p = new Progress(out, false, 4)) {
      p.show(step(1, 2));
      p.show(step(2, 4));
      p.say("saved out/epoch_0");
    }
    assertEquals(
        """
        step 1/4  loss 1.2500  lr 3.00e-04  50 tokens/s  0:06 left
        step 2/4  loss 1.2500  lr 3.00e-04  25 tokens/s  0:06 left
        saved out/epoch_0
        """,
        printed());
  }

  @Test
  void show_onATerminal_overwritesItsLineUntilSomethingIsSaid() {
    try (Progress p = new Progress(out, true, 4)) {
      p.show(step(1, 2));
      p.show(step(2, 2));
      p.say("saved out/epoch_0");
      p.show(step(4, 2));
    }
    assertEquals(
        "\r[==        ] 1/4  loss 1.2500  0:06 left\u001b[K"
            + "\r[=====     ] 2/4  loss 1.2500  0:04 left\u001b[K\n"
            + "saved out/epoch_0\n"
            + "\r[==========] 4/4  loss 1.2500  0:00 left\u001b[K\n",
        printed());
  }

  @ParameterizedTest
  @CsvSource({
    "9, 9, '[==========] 9/9  loss 1.2500  0:00 left'",
    "999, 999, '[==========] 999/999  loss 1.2500  0:00 left'",
    "99999, 999999, '99999/999999  loss 1.2500  500:00:00 left'",
  })
  void show_onATerminal_fitsFiftyColumns(long at, long of, String line) {
    try (Progress p = new Progress(out, true, of)) {
      p.show(step(at, 2));
    }
    assertEquals("\r" + line + "\u001b[K\n", printed());
    assertTrue(line.length() <= 50);
  }

  @Test
  void show_everyTenthStep_stillEstimatesFromAStepsTime() {
    try (Progress p = new Progress(out, false, 110)) {
      p.show(step(10, 60));
    }
    assertTrue(printed().endsWith("  1:40:00 left\n"), printed());
  }
}
