package org.tune4j.curves;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CurvesTest {
  private static final double NAN = Double.NaN;
  @TempDir Path dir;

  /** A run with these losses at steps 1, 1 + every, ... */
  private Run run(String name, int every, double... losses) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < losses.length; i++) {
      lines.append(
          "{\"step\":%d,\"loss\":%s,\"tokens\":%d,\"seconds\":0.25}%n"
              .formatted(1 + i * every, losses[i], 7 + i));
    }
    Path file = Files.writeString(dir.resolve(name), lines);
    Run run = new Run(name, dir, file.toRealPath());
    run.refresh();
    return run;
  }

  private static double[] drawn(double[] values) {
    return Arrays.stream(values).filter(v -> !Double.isNaN(v)).toArray();
  }

  @Test
  void of_fewPoints_givesThemAsTheyAre() throws IOException {
    List<Run> runs = List.of(run("a", 1, 5, 4, 3, 2), run("b", 2, 8, 7, 6));
    Curves c = Curves.of(runs, Curves.View.all("loss", XAxis.STEP, 100), 0);
    assertArrayEquals(new double[] {1, 2, 3, 4, 5}, c.x());
    assertArrayEquals(new double[] {5, 4, 3, 2, NAN}, c.raw().get(0));
    assertArrayEquals(new double[] {8, NAN, 7, NAN, 6}, c.raw().get(1));
    assertEquals(c.raw(), c.smooth());
  }

  @Test
  void of_overTokensAndSeconds_sumsThem() throws IOException {
    List<Run> runs = List.of(run("a", 1, 5, 4, 3));
    assertArrayEquals(
        new double[] {7, 15, 24},
        Curves.of(runs, Curves.View.all("loss", XAxis.TOKENS, 100), 0).x());
    assertArrayEquals(
        new double[] {0.25, 0.5, 0.75},
        Curves.of(runs, Curves.View.all("loss", XAxis.SECONDS, 100), 0).x());
  }

  @Test
  void of_aRange_keepsOnePointBesideIt() throws IOException {
    Run run = run("a", 10, 9, 8, 7, 6, 5);
    Curves c = Curves.of(List.of(run), new Curves.View("loss", XAxis.STEP, 15, 25, 100), 0);
    assertArrayEquals(new double[] {11, 21, 31}, c.x());
    c = Curves.of(List.of(run), new Curves.View("loss", XAxis.STEP, 12, 13, 100), 0);
    assertArrayEquals(new double[] {11, 21}, c.x());
    c = Curves.of(List.of(run), new Curves.View("loss", XAxis.STEP, 100, 200, 100), 0);
    assertArrayEquals(new double[] {41}, c.x());
  }

  @Test
  void of_anUnknownMetric_isEmpty() throws IOException {
    Curves c = Curves.of(List.of(run("a", 1, 1)), Curves.View.all("no", XAxis.STEP, 10), 0.5);
    assertEquals(0, c.x().length);
    assertEquals(0, c.smooth().get(0).length);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void of_manyPoints_losesNoSpike(long seed) throws IOException {
    Random random = new Random(seed);
    double[] losses = random.doubles(2000 + random.nextInt(3000), -1, 1).toArray();
    int spike = random.nextInt(losses.length);
    losses[spike] = 1000;
    losses[random.nextInt(losses.length)] = NAN;
    int every = 1 + random.nextInt(5);
    int points = 20 + random.nextInt(200);
    Run a = run("a", every, losses);
    Run sparse = run("b", 700, 3, 2, 1);
    Curves c = Curves.of(List.of(a, sparse), Curves.View.all("loss", XAxis.STEP, points), 0);

    assertTrue(c.x().length <= 2 * points + 2, "seed " + seed);
    for (int i = 1; i < c.x().length; i++) {
      assertTrue(c.x()[i] > c.x()[i - 1], "seed " + seed);
    }
    double[] row = c.raw().get(0);
    int at = -1;
    for (int i = 0; i < row.length; i++) {
      at = row[i] == 1000 ? i : at;
    }
    double bucket = Math.max(losses.length * every, 1401) / (double) points;
    assertTrue(Math.abs(c.x()[at] - (1 + spike * every)) <= bucket, "seed " + seed);
    assertEquals(
        Arrays.stream(losses).filter(v -> !Double.isNaN(v)).min().orElseThrow(),
        Arrays.stream(drawn(row)).min().orElseThrow());
    assertArrayEquals(new double[] {3, 2, 1}, drawn(c.raw().get(1)), "seed " + seed);
  }

  @Test
  void of_smoothing_seesAllPoints_notThoseThatAreKept() throws IOException {
    double[] losses = new double[10_000];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = i % 2 == 0 ? 0 : 2;
    }
    Curves c =
        Curves.of(List.of(run("a", 1, losses)), Curves.View.all("loss", XAxis.STEP, 50), 0.999);
    double[] smooth = drawn(c.smooth().get(0));
    assertEquals(1, smooth[smooth.length - 1], 0.01);
    assertEquals(2, Arrays.stream(drawn(c.raw().get(0))).max().orElseThrow());
  }

  @Test
  void of_stepsWithoutTokens_drawsTheLastOfThem() throws IOException {
    Path file = dir.resolve("plain");
    Files.writeString(file, "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n");
    Run run = new Run("plain", dir, file.toRealPath());
    run.refresh();
    Curves c = Curves.of(List.of(run), Curves.View.all("loss", XAxis.TOKENS, 10), 0);
    assertArrayEquals(new double[] {0}, c.x());
    assertArrayEquals(new double[] {2}, c.raw().get(0));
  }
}
