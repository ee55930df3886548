package org.tune4j.curves;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.metrics.MetricsFile;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.tensor.DType;

class RunTest {
  @TempDir Path dir;
  private Path file;
  private Run run;

  @BeforeEach
  void open() throws IOException {
    dir = dir.toRealPath();
    file = dir.resolve("metrics.jsonl");
    run = new Run("a", dir, file);
  }

  private void append(String text) throws IOException {
    Files.writeString(file, text, UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static String line(int step, double loss) {
    return "{\"step\":%d,\"loss\":%s,\"tokens\":10,\"seconds\":0.5}\n".formatted(step, loss);
  }

  private double[] losses(XAxis axis) {
    Series s = run.series("loss", axis);
    return Arrays.copyOf(s.y(), s.size());
  }

  private double[] steps() {
    Series s = run.series("loss", XAxis.STEP);
    return Arrays.copyOf(s.x(), s.size());
  }

  @Test
  void refresh_takesWholeLinesOnly() throws IOException {
    append(line(1, 3) + "{\"step\":2,\"lo");
    run.refresh();
    assertArrayEquals(new double[] {1}, steps());
    long before = run.version();
    append("ss\":2.5}\n");
    run.refresh();
    assertArrayEquals(new double[] {3, 2.5}, losses(XAxis.STEP));
    assertTrue(run.version() > before);
    before = run.version();
    run.refresh();
    assertEquals(before, run.version());
    assertEquals(List.of(), run.notes());
  }

  @Test
  void refresh_ofARunThatGoesOnFromAnEarlierStep_showsItsNewLines() throws IOException {
    try (MetricsFile first = MetricsFile.open(dir, 0, DType.FP32)) {
      for (int step = 1; step <= 9; step++) {
        first.append(
            new StepMetrics(step, 0, 3, 1e-4, 1, 5, 10, 1, 300, null, Map.of(), null, Map.of()));
      }
    }
    run.refresh();
    assertEquals(9, run.rows());
    // Between two refreshes it is cut to step 6 and grows beyond its former size.
    try (MetricsFile second = MetricsFile.open(dir, 6, DType.FP32)) {
      for (int step = 7; step <= 12; step++) {
        second.append(
            new StepMetrics(step, 0, 2, 1e-4, 1, 5, 10, 2, 300, null, Map.of(), null, Map.of()));
      }
    }
    run.refresh();
    assertArrayEquals(new double[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, steps());
    assertArrayEquals(new double[] {3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2}, losses(XAxis.STEP));
    assertEquals(List.of(), run.notes());
  }

  @Test
  void refresh_ofAFileWhoseStepsGoBack_letsLaterLinesWin() throws IOException {
    append(line(1, 5) + line(2, 4) + line(3, Double.NaN) + line(2, 3) + line(3, 2));
    run.refresh();
    assertArrayEquals(new double[] {1, 2, 3}, steps());
    assertArrayEquals(new double[] {5, 3, 2}, losses(XAxis.STEP));
    assertArrayEquals(
        new double[] {10, 20, 30}, Arrays.copyOf(run.series("loss", XAxis.TOKENS).x(), 3));
    assertEquals(List.of(), run.notes());
  }

  @Test
  void series_staysAsItWas_whenTheRunGoesBack() throws IOException {
    append(line(1, 5) + line(2, 4) + line(3, 3));
    run.refresh();
    Series before = run.series("loss", XAxis.STEP);
    append(line(2, 1));
    run.refresh();
    assertArrayEquals(new double[] {5, 1}, losses(XAxis.STEP));
    assertArrayEquals(new double[] {5, 4, 3}, Arrays.copyOf(before.y(), before.size()));
  }

  @Test
  void refresh_leavesOutWhatIsNoStep_andSaysSo() throws IOException {
    append("\n" + line(1, 3) + "no JSON\n[1]\n{\"loss\":1}\n{\"step\":\"x\"}\n{\"step\":-1}\n");
    append("{\"step\":2,\"loss\":\"" + "x".repeat(3 << 20) + "\"}\n{\"a\":" + "[".repeat(2000));
    append("\n{\"step\":3,\"loss\":\"NaN\"}\n{\"step\":4,\"loss\":1e999,\"deep\":[{}, 1]}\n");
    append(line(5, 2));
    run.refresh();
    assertArrayEquals(new double[] {1, 3, 4, 5}, steps());
    assertEquals(
        List.of("7 lines without a step are skipped", "the loss is not finite at step 3"),
        run.notes());
  }

  @Test
  void refresh_ofAnEmptyOrMissingFile_isNoError() throws IOException {
    run.refresh();
    assertEquals(List.of("metrics.jsonl cannot be read: no such file or folder"), run.notes());
    append("");
    run.refresh();
    assertEquals(0, run.rows());
    assertEquals(List.of(), run.notes());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void refresh_ofALink_readsNothing() throws IOException {
    Path secret = Files.writeString(dir.resolve("elsewhere"), line(1, 3));
    Files.createSymbolicLink(file, secret);
    run.refresh();
    assertEquals(0, run.rows());
    assertEquals(1, run.notes().size());
    Files.delete(file);
    Files.createDirectory(file); // as a pipe, which would be waited for, no plain file
    run.refresh();
    assertEquals(List.of("metrics.jsonl cannot be read: it is not a regular file"), run.notes());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void refresh_inAFolderThatBecameALink_readsNothing() throws IOException {
    Path logs = Files.createDirectories(dir.resolve("run/logs"));
    Path elsewhere = Files.createDirectories(dir.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve("metrics.jsonl"), line(1, 3));
    Files.writeString(elsewhere.resolve("config.yaml"), "secret: 1");
    Files.delete(logs);
    Files.createSymbolicLink(logs, elsewhere);
    run = new Run("a", dir.resolve("run"), logs.resolve("metrics.jsonl"));
    run.refresh();
    assertEquals(0, run.rows());
    assertEquals(List.of("metrics.jsonl cannot be read: it lies behind a link"), run.notes());
    assertEquals(
        Map.of("config.yaml", "cannot be read: it lies behind a link"),
        new Run("a", logs, logs.resolve("metrics.jsonl")).config());
  }

  @Test
  void refresh_ofAReplacedFile_startsAnew() throws IOException {
    append(line(1, 3) + line(2, 2));
    run.refresh();
    Files.delete(file);
    append(line(1, 7) + line(2, 6) + line(3, 5));
    run.refresh();
    assertArrayEquals(new double[] {7, 6, 5}, losses(XAxis.STEP));
  }

  @Test
  void smoothed_isTheCorrectedMovingAverage() throws IOException {
    append(line(1, 4) + line(2, 2) + line(3, Double.NaN) + line(4, 1));
    run.refresh();
    Series smooth = run.series("loss", XAxis.STEP).smoothed(0.5);
    // Weights 1; 1/3, 2/3; 1/7, 2/7, 4/7 of the values that there are.
    double[] expected = {4, 4 / 3.0 + 2 * 2 / 3.0, Double.NaN, (4 + 2 * 2 + 4) / 7.0};
    assertArrayEquals(expected, Arrays.copyOf(smooth.y(), 4), 1e-12);
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void config_isFlat() throws IOException {
    Files.writeString(
        dir.resolve("config.yaml"),
        "a: 1\nmodel: {rank: 8, modules: [q, v]}\nlist: [{x: 1}, {x: null}]\nempty: {}\n");
    assertEquals(
        Map.of(
            "a",
            "1",
            "model.rank",
            "8",
            "model.modules",
            "[q, v]",
            "list.0.x",
            "1",
            "list.1.x",
            "null"),
        run.config());
    Files.writeString(dir.resolve("config.yaml"), "a: [1\n");
    assertEquals(Map.of("config.yaml", "is not YAML"), run.config());
    Files.writeString(dir.resolve("config.yaml"), "!!java.net.URL [http://a]");
    assertEquals(Map.of("config.yaml", "is not YAML"), run.config());
    Files.delete(dir.resolve("config.yaml"));
    Files.createSymbolicLink(dir.resolve("config.yaml"), Path.of("/etc/passwd"));
    assertEquals(Map.of(), run.config());
  }
}
