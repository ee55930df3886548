package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.UsageException;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Cached logits are those of the whole row. */
final class KvCacheTest {
  private static final int[] ROW = {3, 1, 4, 1, 5, 92, 65, 35, 89, 79, 32, 38, 46, 264, 33, 83, 27};

  private final Engine engine = TestBackend.engine();
  private TensorScope scope;
  private Pass pass;

  @BeforeEach
  void open() {
    scope = engine.openScope();
    pass = Pass.evaluation(engine, scope);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private KvCache cache(Decoder model, int capacity) {
    return new KvCache(scope, engine, model, capacity);
  }

  private static int[] all(int n) {
    int[] at = new int[n];
    Arrays.setAll(at, i -> i);
    return at;
  }

  private float[] whole(Decoder model, int... row) {
    return model.logits(pass, PackedRows.of(row)).toFloats();
  }

  /** Mistral's window is 8, Llama 3.2's positions are scaled, all but Llama 2 group queries. */
  @ParameterizedTest
  @CsvSource({"llama2, 7", "llama3, 8", "llama3_2, 9", "mistral, 10", "mistral, 11"})
  void logits_ofAnySplit_areThoseOfTheWholeRow(String family, long seed) {
    Decoder model = TinyModels.family(engine, family);
    float[] expected = whole(model, ROW);
    int vocab = model.config().vocabSize();
    for (int trial = 0; trial < 6; trial++) {
      try (TensorScope own = engine.openScope()) {
        KvCache cache = cache(model, ROW.length);
        int from = 0;
        while (from < ROW.length) {
          int most = trial == 0 ? 1 : ROW.length - from;
          int n = 1 + (int) (RandomBits.uniform(seed + trial, from) * most);
          Continuation next = Continuation.of(cache, Arrays.copyOfRange(ROW, from, from + n));
          float[] found = model.logits(pass, next, all(n)).toFloats();
          float[] there = Arrays.copyOfRange(expected, from * vocab, (from + n) * vocab);
          assertArrayEquals(
              there, found, 1e-5f, "seed %d, trial %d, token %d".formatted(seed, trial, from));
          from += n;
          assertEquals(from, cache.length());
        }
      }
    }
  }

  /** A window's first position lies behind the begin of what is looked at. */
  @Test
  void logits_farBehindAWindow_areThoseOfTheWholeRow() {
    Decoder model = TinyModels.family(engine, "mistral");
    int[] row = new int[100];
    Arrays.setAll(row, i -> i * 31 % 300);
    float[] expected = whole(model, row);
    int vocab = model.config().vocabSize();
    KvCache cache = cache(model, row.length);
    model.logits(pass, Continuation.of(cache, Arrays.copyOf(row, 70)), 69);
    for (int[] piece : new int[][] {{70, 71}, {71, 77}, {77, 100}}) {
      int[] tokens = Arrays.copyOfRange(row, piece[0], piece[1]);
      float[] found =
          model.logits(pass, Continuation.of(cache, tokens), all(tokens.length)).toFloats();
      assertArrayEquals(
          Arrays.copyOfRange(expected, piece[0] * vocab, piece[1] * vocab), found, 1e-5f);
    }
  }

  @Test
  void logits_ofSeveralRows_areEachRowsOwn() {
    Decoder model = TinyModels.lora(engine, "all_r4");
    int[] other = {7, 7, 200, 11, 6};
    KvCache a = cache(model, 20);
    KvCache b = cache(model, 20);
    model.logits(pass, Continuation.of(a, Arrays.copyOf(ROW, 9)), 8);
    model.logits(pass, Continuation.of(b, Arrays.copyOf(other, 3)), 2);
    PackedRows next = PackedRows.of(List.of(new int[] {ROW[9]}, new int[] {other[3], other[4]}));
    float[] found = model.logits(pass, Continuation.of(List.of(a, b), next), 0, 2).toFloats();
    int vocab = model.config().vocabSize();
    float[] first = whole(model, Arrays.copyOf(ROW, 10));
    float[] second = whole(model, other);
    assertArrayEquals(
        Arrays.copyOfRange(first, 9 * vocab, 10 * vocab), Arrays.copyOf(found, vocab), 1e-5f);
    assertArrayEquals(
        Arrays.copyOfRange(second, 4 * vocab, 5 * vocab),
        Arrays.copyOfRange(found, vocab, 2 * vocab),
        1e-5f);
    assertEquals(10, a.length());
    assertEquals(5, b.length());
  }

  @Test
  void branches_seeThePrefixAndThemselves_andLeaveTheCacheAsItWas() {
    Decoder model = TinyModels.family(engine, "mistral");
    KvCache cache = cache(model, 20);
    int[] prefix = Arrays.copyOf(ROW, 10);
    model.logits(pass, Continuation.of(cache, prefix), 9);
    int[][] choices = {{20, 21, 22}, {23}, {24, 25}};
    PackedRows rows = PackedRows.of(List.of(choices));
    int vocab = model.config().vocabSize();
    float[] found = model.logits(pass, Continuation.branches(cache, rows), all(6)).toFloats();
    assertEquals(10, cache.length());
    int at = 0;
    for (int[] choice : choices) {
      int[] row = Arrays.copyOf(prefix, 10 + choice.length);
      System.arraycopy(choice, 0, row, 10, choice.length);
      float[] expected = whole(model, row);
      assertArrayEquals(
          Arrays.copyOfRange(expected, 10 * vocab, row.length * vocab),
          Arrays.copyOfRange(found, at * vocab, (at + choice.length) * vocab),
          1e-5f);
      at += choice.length;
    }
  }

  @Test
  void truncate_thenOtherTokens_forgetsTheFirst() {
    Decoder model = TinyModels.family(engine, "llama3");
    KvCache cache = cache(model, 12);
    model.logits(pass, Continuation.of(cache, 1, 2, 3, 4, 5, 6), 5);
    cache.truncate(2);
    float[] found = model.logits(pass, Continuation.of(cache, 9, 8), 0, 1).toFloats();
    float[] expected = whole(model, 1, 2, 9, 8);
    int vocab = model.config().vocabSize();
    assertArrayEquals(Arrays.copyOfRange(expected, 2 * vocab, 4 * vocab), found, 1e-5f);
  }

  @Test
  void logits_leaveNothingBehind() {
    Decoder model = TinyModels.lora(engine, "qv_r8");
    KvCache cache = cache(model, 12);
    model.logits(pass, Continuation.of(cache, 1, 2), 1).close();
    int before = scope.size();
    for (int i = 0; i < 5; i++) {
      Tensor logits = model.logits(pass, Continuation.of(cache, 1), 0);
      logits.close();
    }
    assertEquals(before, scope.size());
  }

  @Test
  void logits_beyondTheCache_areRefusedInWords() {
    Decoder model = TinyModels.family(engine, "llama2");
    KvCache cache = cache(model, 4);
    model.logits(pass, Continuation.of(cache, 1, 2, 3), 2);
    UsageException e =
        assertThrows(
            UsageException.class, () -> model.logits(pass, Continuation.of(cache, 1, 2), 0));
    assertEquals(
        "a cache of 4 tokens in 3 layers holds 3, 2 more in 3 layers do not fit", e.getMessage());
    e = assertThrows(UsageException.class, () -> cache(model, 257));
    assertEquals("a cache of 257 tokens was requested, the model takes 1 to 256", e.getMessage());
  }
}
