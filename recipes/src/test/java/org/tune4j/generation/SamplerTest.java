package org.tune4j.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.TrainingException;
import org.tune4j.UsageException;

final class SamplerTest {
  private static final int DRAWS = 20_000;

  private static SamplingOptions options(
      double temperature, int topK, double topP, double penalty, long seed) {
    return new SamplingOptions(8, temperature, topK, topP, penalty, seed, List.of());
  }

  /** Logits whose softmax is 0.1, 0.4, 0.2, 0.3. */
  private static float[] logits() {
    return new float[] {
      (float) Math.log(0.1), (float) Math.log(0.4), (float) Math.log(0.2), (float) Math.log(0.3)
    };
  }

  private static double[] shares(SamplingOptions o) {
    double[] shares = new double[4];
    Sampler sampler = new Sampler(o, 0, new int[0]);
    for (int i = 0; i < DRAWS; i++) {
      shares[sampler.next(logits())] += 1.0 / DRAWS;
    }
    return shares;
  }

  @Test
  void next_atTemperatureZero_isTheFirstOfTheLikeliest() {
    Sampler sampler = new Sampler(SamplingOptions.greedy(4), 0, new int[0]);
    assertEquals(1, sampler.next(new float[] {0, 2, 2, 1}));
  }

  /** Shares as transformers' warpers leave them: kept tokens, renormalised. */
  @ParameterizedTest
  @CsvSource({
    "1,   0, 1,    0.1,    0.4,    0.2,    0.3",
    "1,   2, 1,    0,      0.5714, 0,      0.4286",
    "1,   9, 1,    0.1,    0.4,    0.2,    0.3",
    "1,   0, 0.69, 0,      0.5714, 0,      0.4286",
    "1,   0, 0.75, 0,      0.4444, 0.2222, 0.3333",
    "1,   0, 0.01, 0,      1,      0,      0",
    "1,   3, 0.4,  0,      1,      0,      0",
    "0.5, 0, 1,    0.0333, 0.5333, 0.1333, 0.3",
    "0.5, 0, 0.6,  0,      0.64,   0,      0.36"
  })
  void next_drawsWithTheWarpedProbabilities(
      double temperature, int topK, double topP, double a, double b, double c, double d) {
    double[] shares = shares(options(temperature, topK, topP, 1, 5));
    double[] expected = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
      assertEquals(expected[i], shares[i], expected[i] == 0 ? 0 : 0.015, "token " + i);
    }
  }

  @Test
  void next_topKWithTies_keepsAllAsLikelyAsTheLast() {
    Sampler sampler = new Sampler(options(1, 2, 1, 1, 3), 0, new int[0]);
    Set<Integer> seen = new TreeSet<>();
    for (int i = 0; i < 500; i++) {
      seen.add(sampler.next(new float[] {5, 4, 4, 3}));
    }
    assertEquals(Set.of(0, 1, 2), seen);
  }

  @Test
  void next_penalty_dividesPositiveAndMultipliesNegativeLogitsOfWhatWasSeen() {
    Sampler sampler = new Sampler(options(0, 0, 1, 2, 0), 0, new int[] {0, 3});
    float[] logits = {5, 3, -8, -1};
    assertEquals(1, sampler.next(logits));
    assertEquals(2.5f, logits[0]);
    assertEquals(-2f, logits[3]);
    assertEquals(0, sampler.next(new float[] {5, 3, -8, -1}));
  }

  @Test
  void next_sameSeed_givesTheSameTokens_otherSeedOrPromptOthers() {
    assertEquals(tokens(1, 0), tokens(1, 0));
    assertNotEquals(tokens(1, 0), tokens(2, 0));
    assertNotEquals(tokens(1, 0), tokens(1, 1));
  }

  private static List<Integer> tokens(long seed, int index) {
    Sampler sampler = new Sampler(options(1, 0, 1, 1, seed), index, new int[0]);
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      all.add(sampler.next(logits()));
    }
    return all;
  }

  @Test
  void next_ofNotANumber_isRefusedInWords() {
    for (double temperature : new double[] {0, 1}) {
      Sampler sampler = new Sampler(options(temperature, 0, 1, 1, 0), 0, new int[0]);
      TrainingException e =
          assertThrows(
              TrainingException.class, () -> sampler.next(new float[] {0, Float.NaN, 9, 1}));
      assertEquals(
          "the logit of token 1 is NaN; the weights or the adapter are broken, or fp16 overflows: use dtype fp32 or bf16",
          e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | 0 | 0 | 1 | 1 | max_new_tokens is 0, expected 1 or more",
        "1 | -1 | 0 | 1 | 1 | temperature is -1.0, expected 0 or more",
        "1 | 0 | -1 | 1 | 1 | top_k is -1, expected 0 (all) or more",
        "1 | 0 | 0 | 0 | 1 | top_p is 0.0, expected above 0 up to 1",
        "1 | 0 | 0 | 1 | 0 | repetition_penalty is 0.0, expected above 0; 1 is none"
      })
  void options_outOfRange_areRefusedInWords(
      int max, double temperature, int topK, double topP, double penalty, String text) {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> new SamplingOptions(max, temperature, topK, topP, penalty, 0, List.of()));
    assertEquals(text, e.getMessage());
  }
}
