package org.tune4j.collective;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.CollectiveException;
import org.tune4j.tensor.Tensor;

/** Where threads that are ranks come together: each brings a tensor and leaves with all of them. */
final class Meeting {
  private final Duration timeout;
  private final @Nullable Tensor[] brought;
  private final @Nullable String[] doing;
  private final boolean[] left;
  private List<@Nullable Tensor> last = List.of();
  private int arrived;
  private long round;
  private @Nullable CollectiveException failure;

  Meeting(int ranks, Duration timeout) {
    this.timeout = timeout;
    brought = new Tensor[ranks];
    doing = new String[ranks];
    left = new boolean[ranks];
  }

  /**
   * Waits for all ranks.
   *
   * @param what is done, the same on every rank
   * @return what each rank has brought
   */
  synchronized List<@Nullable Tensor> exchange(int rank, String what, @Nullable Tensor mine) {
    check();
    brought[rank] = mine;
    doing[rank] = what;
    arrived++;
    long own = round;
    if (arrived == doing.length) {
      checkSame();
      last = new ArrayList<>(Arrays.asList(brought));
      Arrays.fill(brought, null);
      Arrays.fill(doing, null);
      arrived = 0;
      round++;
      notifyAll();
      return last;
    }
    checkNobodyLeft();
    long deadline = System.nanoTime() + timeout.toNanos();
    while (round == own) {
      check();
      long millis = (deadline - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        throw failed(late(what));
      }
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw failed(what + ": interrupted while waiting for other ranks");
      }
    }
    return last;
  }

  private String late(String what) {
    return "%s: %s did not come within %.3g s"
        .formatted(
            what,
            named(IntStream.range(0, doing.length).filter(r -> doing[r] == null)),
            timeout.toMillis() / 1000.0);
  }

  private void checkSame() {
    String first = Objects.requireNonNull(doing[0]);
    for (int r = 1; r < doing.length; r++) {
      if (!first.equals(doing[r])) {
        throw failed(
            "ranks do different things: rank 0 %s, rank %d %s".formatted(first, r, doing[r]));
      }
    }
  }

  private void checkNobodyLeft() {
    if (arrived > 0 && IntStream.range(0, left.length).anyMatch(r -> left[r])) {
      throw failed(
          "%s has left while others wait"
              .formatted(named(IntStream.range(0, left.length).filter(r -> left[r]))));
    }
  }

  private static String named(IntStream ranks) {
    return ranks.mapToObj(r -> "rank " + r).collect(Collectors.joining(", "));
  }

  /** Throws what has ended the meeting, if something has. */
  synchronized void check() {
    CollectiveException f = failure;
    if (f != null) {
      throw new CollectiveException(String.valueOf(f.getMessage()), f);
    }
  }

  /** Ends the meeting for everyone. */
  synchronized CollectiveException failed(String message) {
    if (failure == null) {
      failure = new CollectiveException(message);
      notifyAll();
    }
    return failure;
  }

  /** A rank will not come again. */
  synchronized void leave(int rank) {
    left[rank] = true;
    if (arrived > 0 && failure == null) {
      CollectiveException unused = failed("rank %d has left while others wait".formatted(rank));
    }
  }
}
