package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.tune4j.CollectiveException;
import org.tune4j.collective.LocalRanks;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;

/** Chapter 8 of the kit for ranks that are threads, on the backend under test. */
public abstract class LocalRanksConformance extends CollectiveConformance {
  /** The provider under test; opened by every rule. */
  protected abstract BackendProvider provider();

  @Override
  protected final boolean has(DType dtype) {
    return provider().dtypes().contains(dtype);
  }

  @Override
  protected void run(int worldSize, Duration timeout, Consumer<ProcessGroup> body) {
    BackendOptions options = new BackendOptions(BackendOptions.DEFAULT.device(), 1);
    LocalRanks.run(
        worldSize,
        new Backends(List.of(provider())),
        timeout,
        ranks -> {
          try (ProcessGroup group = ranks.join(provider().name(), options)) {
            inScope(group, body);
          }
        });
  }

  @Test
  void rankThatFailsBeforeItJoins_endsTheOthersWhoHearWhy() {
    BackendOptions options = new BackendOptions(BackendOptions.DEFAULT.device(), 1);
    AtomicReference<Exception> heard = new AtomicReference<>(new Exception("nothing"));
    CompletableFuture<Thread> failing = new CompletableFuture<>();
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () ->
                LocalRanks.run(
                    2,
                    new Backends(List.of(provider())),
                    Duration.ofMinutes(5),
                    ranks -> {
                      if (ranks.rank() == 1) {
                        failing.complete(Thread.currentThread());
                        throw new IllegalStateException("it has no rows");
                      }
                      awaitEnd(failing.join());
                      try (ProcessGroup group = ranks.join(provider().name(), options)) {
                        heard.set(assertThrows(CollectiveException.class, group::barrier));
                      }
                    }));
    assertEquals("it has no rows", e.getMessage());
    assertEquals("rank 1 failed: it has no rows", heard.get().getMessage());
  }

  @Test
  void interruptedCaller_endsTheRanksWhoHearWhy() {
    BackendOptions options = new BackendOptions(BackendOptions.DEFAULT.device(), 1);
    CompletableFuture<String> heard =
        new CompletableFuture<String>().orTimeout(5, TimeUnit.MINUTES);
    Thread caller = Thread.currentThread();
    CollectiveException e =
        assertThrows(
            CollectiveException.class,
            () ->
                LocalRanks.run(
                    2,
                    new Backends(List.of(provider())),
                    Duration.ofMinutes(5),
                    ranks -> {
                      try (ProcessGroup group = ranks.join(provider().name(), options)) {
                        if (ranks.rank() == 0) {
                          caller.interrupt();
                          heard.complete(
                              assertThrows(CollectiveException.class, group::barrier).getMessage());
                        }
                        String unused = heard.join(); // rank 1 never comes to the barrier
                      }
                    }));
    assertTrue(Thread.interrupted());
    assertEquals("interrupted while ranks ran", e.getMessage());
    assertEquals("interrupted while ranks ran", heard.join());
  }

  private static void awaitEnd(Thread t) {
    try {
      t.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
