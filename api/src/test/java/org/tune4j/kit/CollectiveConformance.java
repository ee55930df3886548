package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.CollectiveException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.ShardRange;
import org.tune4j.collective.Work;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Tests what carries ranks. Chapter 8 of the kit: two and four ranks, fp32 and bf16, tensors whose
 * elements the ranks do not divide, empty ones, a rank that dies, a rank that is late. Sums are of
 * small integers, which every type holds exactly.
 */
public abstract class CollectiveConformance {
  /** Never reached, however slow the machine. */
  private static final Duration LONG = Duration.ofMinutes(5);

  /** Reached by the rank that waits; doubled where ranks are too slow to meet before. */
  private static final Duration SHORT = Duration.ofSeconds(2);

  /**
   * Runs {@code body} once a rank, at the same time, and returns when all have ended.
   *
   * @throws RuntimeException what the first that failed has thrown
   */
  protected abstract void run(int worldSize, Duration timeout, Consumer<ProcessGroup> body);

  /** Whether the backend has a type; what it has not is left out. */
  protected abstract boolean has(DType dtype);

  /** One setting of a rule. */
  record Setting(int worldSize, DType dtype, int elements) {}

  static Stream<Setting> settings() {
    return Stream.of(2, 4)
        .flatMap(
            w ->
                Stream.of(DType.FP32, DType.BF16)
                    .flatMap(t -> Stream.of(0, 1, 5, 12, 4099).map(n -> new Setting(w, t, n))));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void rule8_01_allReduce_sumsOnEveryRank(Setting s) {
    assumeTrue(has(s.dtype), "no " + s.dtype);
    run(
        s.worldSize,
        LONG,
        ranks -> {
          Tensor t = mine(ranks, s);
          ranks.allReduce(t).await();
          assertEquals(sums(s), values(t));
        });
  }

  @ParameterizedTest
  @MethodSource("settings")
  void rule8_02_allGather_putsStretchesInOrder(Setting s) {
    assumeTrue(has(s.dtype), "no " + s.dtype);
    run(
        s.worldSize,
        LONG,
        ranks -> {
          ShardRange own = ShardRange.of(s.elements, ranks.rank(), s.worldSize);
          Tensor whole = ranks.engine().zeros(s.dtype, Shape.of(s.elements));
          Tensor source = tensor(ranks.engine(), s, i -> i % 100);
          ranks.allGather(source.narrow(0, own.start(), own.length()).contiguous(), whole).await();
          assertEquals(values(source), values(whole));
        });
  }

  @ParameterizedTest
  @MethodSource("settings")
  void rule8_03_reduceScatter_givesEachRankItsStretchOfTheSum(Setting s) {
    assumeTrue(has(s.dtype), "no " + s.dtype);
    run(
        s.worldSize,
        LONG,
        ranks -> {
          ShardRange own = ShardRange.of(s.elements, ranks.rank(), s.worldSize);
          Tensor whole = mine(ranks, s);
          List<Float> before = values(whole);
          Tensor part = ranks.engine().zeros(s.dtype, Shape.of(own.length()));
          ranks.reduceScatter(whole, part).await();
          assertEquals(
              sums(s).subList((int) own.start(), (int) (own.start() + own.length())), values(part));
          assertEquals(before, values(whole), "the whole is unchanged");
        });
  }

  @ParameterizedTest
  @MethodSource("settings")
  void rule8_04_broadcast_fromEachRank(Setting s) {
    assumeTrue(has(s.dtype), "no " + s.dtype);
    run(
        s.worldSize,
        LONG,
        ranks -> {
          for (int from = 0; from < s.worldSize; from++) {
            int root = from;
            Tensor t = mine(ranks, s);
            ranks.broadcast(t, from).await();
            assertEquals(values(tensor(ranks.engine(), s, i -> value(root, i))), values(t));
          }
        });
  }

  @ParameterizedTest
  @MethodSource("settings")
  void rule8_05_sendAndReceive_aroundARing_inOrder(Setting s) {
    assumeTrue(has(s.dtype), "no " + s.dtype);
    run(
        s.worldSize,
        LONG,
        ranks -> {
          int next = (ranks.rank() + 1) % s.worldSize;
          int before = (ranks.rank() + s.worldSize - 1) % s.worldSize;
          Tensor first = mine(ranks, s);
          Tensor second = tensor(ranks.engine(), s, i -> 7);
          Tensor a = ranks.engine().zeros(s.dtype, Shape.of(s.elements));
          Tensor b = ranks.engine().zeros(s.dtype, Shape.of(s.elements));
          Work sendFirst = ranks.send(first, next);
          ranks.receive(a, before).await();
          sendFirst.await();
          Work sendSecond = ranks.send(second, next);
          ranks.receive(b, before).await();
          sendSecond.await();
          assertEquals(values(tensor(ranks.engine(), s, i -> value(before, i))), values(a));
          assertEquals(values(second), values(b));
        });
  }

  @Test
  void rule8_06_severalAtOnce_endInTheirOrder() {
    Setting s = new Setting(4, DType.FP32, 1000);
    run(
        4,
        LONG,
        ranks -> {
          List<Tensor> tensors = new ArrayList<>();
          List<Work> works = new ArrayList<>();
          for (int i = 0; i < 8; i++) {
            Tensor t = mine(ranks, s);
            tensors.add(t);
            works.add(ranks.allReduce(t));
          }
          for (int i = 7; i >= 0; i--) {
            works.get(i).await();
            assertEquals(sums(s), values(tensors.get(i)));
          }
        });
  }

  @Test
  void rule8_07_sumOfFractions_isTheSameBitsOnEveryRankAndEveryTime() {
    float[][] seen = new float[4][];
    for (int time = 0; time < 3; time++) {
      float[][] now = new float[4][];
      run(
          4,
          LONG,
          ranks -> {
            float[] mine = new float[1001];
            for (int i = 0; i < mine.length; i++) {
              mine[i] = (float) Math.sin(1 + i + 1000.0 * ranks.rank());
            }
            Tensor t = ranks.engine().tensor(mine, DType.FP32, Shape.of(mine.length));
            ranks.allReduce(t).await();
            now[ranks.rank()] = t.toFloats();
          });
      for (int r = 1; r < 4; r++) {
        assertTrue(Arrays.equals(now[0], now[r]), "rank " + r);
      }
      if (time > 0) {
        assertTrue(Arrays.equals(seen[0], now[0]), "time " + time);
      }
      seen = now;
    }
  }

  @Test
  void rule8_08_barrier_waitsForTheLast() {
    AtomicInteger here = new AtomicInteger();
    run(
        4,
        LONG,
        ranks -> {
          if (ranks.rank() == 3) {
            sleep(300);
          }
          here.incrementAndGet();
          ranks.barrier();
          assertEquals(4, here.get());
        });
  }

  @Test
  void rule8_09_rankThatDies_endsTheOthersBeforeTheTimeOut() {
    long started = System.nanoTime();
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () ->
                run(
                    4,
                    LONG,
                    ranks -> {
                      ranks.barrier();
                      if (ranks.rank() == 2) {
                        throw new IllegalStateException("rank 2 dies");
                      }
                      Tensor t = ranks.engine().zeros(DType.FP32, Shape.of(100));
                      assertThrows(
                          CollectiveException.class,
                          () -> {
                            ranks.allReduce(t).await();
                            ranks.barrier();
                          });
                    }));
    assertEquals("rank 2 dies", e.getMessage());
    assertBeforeTheTimeOut(started);
  }

  @Test
  void rule8_10_rankThatIsLate_endsTheOthersAtTheTimeOut() {
    for (Duration timeout = SHORT; ; timeout = timeout.multipliedBy(2)) {
      AtomicInteger met = new AtomicInteger();
      try {
        endsAtTheTimeOut(timeout, met);
        return;
      } catch (RuntimeException | AssertionError e) {
        if (met.get() == 2 || timeout.compareTo(LONG) > 0) {
          throw e;
        }
      }
    }
  }

  private void endsAtTheTimeOut(Duration timeout, AtomicInteger met) {
    CountDownLatch over = new CountDownLatch(1);
    run(
        2,
        timeout,
        ranks -> {
          try {
            ranks.barrier();
            met.incrementAndGet();
            if (ranks.rank() == 1) {
              await(over);
              return;
            }
            long started = System.nanoTime();
            Tensor t = ranks.engine().zeros(DType.FP32, Shape.of(3));
            CollectiveException e =
                assertThrows(CollectiveException.class, () -> ranks.allReduce(t).await());
            Duration taken = Duration.ofNanos(System.nanoTime() - started);
            assertTrue(taken.compareTo(timeout.dividedBy(5)) > 0, "it took " + taken);
            assertTrue(e.getMessage().contains("allReduce"), e.getMessage());
          } finally {
            over.countDown();
          }
        });
  }

  @Test
  void rule8_11_numbers_areTheSameOnEveryRank() {
    run(
        2,
        LONG,
        ranks -> {
          assertEquals(3.5, ranks.sum(ranks.rank() + 1.25));
          assertTrue(ranks.any(ranks.rank() == 1));
          assertTrue(!ranks.any(false));
        });
  }

  @Test
  void rule8_13_textsThatDiffer_areKnownOnEveryRank() {
    run(
        4,
        LONG,
        ranks -> {
          assertEquals(List.of(), ranks.differing("the same"));
          assertEquals(List.of(1, 3), ranks.differing("even or odd: " + ranks.rank() % 2));
        });
  }

  @Test
  void rule8_14_rankThatLeaves_endsTheOthersBeforeTheTimeOut() {
    long started = System.nanoTime();
    run(
        2,
        LONG,
        ranks -> {
          ranks.barrier();
          if (ranks.rank() == 0) {
            assertThrows(CollectiveException.class, ranks::barrier);
          }
        });
    assertBeforeTheTimeOut(started);
  }

  @Test
  void rule8_12_wrongStretchOrRank_isRefused() {
    run(
        2,
        LONG,
        ranks -> {
          Tensor whole = ranks.engine().zeros(DType.FP32, Shape.of(5));
          Tensor part = ranks.engine().zeros(DType.FP32, Shape.of(4));
          assertThrows(IllegalArgumentException.class, () -> ranks.allGather(part, whole));
          assertThrows(IllegalArgumentException.class, () -> ranks.broadcast(whole, 2));
          assertThrows(IllegalArgumentException.class, () -> ranks.send(whole, ranks.rank()));
        });
  }

  /** Runs a rank's body in a scope of its own. */
  protected static void inScope(ProcessGroup ranks, Consumer<ProcessGroup> body) {
    try (TensorScope scope = ranks.engine().openScope()) {
      body.accept(ranks);
    }
  }

  private interface Values {
    float at(int i);
  }

  private static float value(int rank, int i) {
    return rank + 1 + i % 5;
  }

  private static Tensor mine(ProcessGroup ranks, Setting s) {
    return tensor(ranks.engine(), s, i -> value(ranks.rank(), i));
  }

  private static List<Float> sums(Setting s) {
    List<Float> sums = new ArrayList<>();
    for (int i = 0; i < s.elements; i++) {
      float sum = 0;
      for (int r = 0; r < s.worldSize; r++) {
        sum += value(r, i);
      }
      sums.add(sum);
    }
    return sums;
  }

  private static Tensor tensor(Engine engine, Setting s, Values values) {
    float[] all = new float[s.elements];
    for (int i = 0; i < all.length; i++) {
      all[i] = values.at(i);
    }
    return engine.tensor(all, s.dtype, Shape.of(s.elements));
  }

  private static List<Float> values(Tensor t) {
    List<Float> all = new ArrayList<>();
    for (float f : t.toFloats()) {
      all.add(f);
    }
    return all;
  }

  private static void assertBeforeTheTimeOut(long started) {
    Duration taken = Duration.ofNanos(System.nanoTime() - started);
    assertTrue(taken.compareTo(LONG) < 0, "it took " + taken.toSeconds() + " s");
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(5, TimeUnit.MINUTES));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
