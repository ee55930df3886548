package org.tune4j.backend.javacpp;

import java.time.Duration;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.tune4j.CollectiveException;
import org.tune4j.spi.Rendezvous;

/**
 * Before ranks connect to each other: each says in the store that it is there and how many it
 * expects, rank 0 compares, and all hear what it found.
 */
final class RollCall {
  private static final String VERDICT = "verdict";
  private static final String HEARD = "heard";

  /** How long rank 0, whose process holds the store, stays after bad news. */
  private static final Duration LINGER = Duration.ofSeconds(2);

  private final Store store;
  private final Rendezvous where;

  RollCall(Store store, Rendezvous where) {
    this.store = store;
    this.where = where;
  }

  /**
   * Returns when all ranks are there.
   *
   * @throws CollectiveException when one is missing, there twice, or expects another number
   */
  void take() {
    int times = (int) store.add("times/" + where.rank(), 1);
    String mine = (times > 1 ? "twice " : "") + where.worldSize();
    store.set("rank/" + where.rank() + (times > 1 ? "/again" : ""), mine);
    if (times > 1) {
      throw new CollectiveException(
          "two processes are rank %d of %d; give each its own RANK, or each machine its own --node_rank"
              .formatted(where.rank(), where.worldSize()));
    }
    String verdict = where.rank() == 0 ? compare() : hear();
    if (!verdict.equals(Integer.toString(where.worldSize()))) {
      throw new CollectiveException(
          verdict.matches("\\d+") ? differs(where.rank(), where.worldSize(), verdict) : verdict);
    }
  }

  /** What rank 0 finds: the number of ranks, or what is wrong. */
  private String compare() {
    long deadline = System.nanoTime() + where.timeout().toNanos();
    String verdict = Integer.toString(where.worldSize());
    int came = 0;
    for (int r = 1; r < where.worldSize(); r++) {
      String key = "rank/" + r;
      if (!comes(key, Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))) {
        verdict =
            "rank %d of %d did not come to %s:%d within %d s; start it, or check MASTER_ADDR, MASTER_PORT and WORLD_SIZE there"
                .formatted(
                    r,
                    where.worldSize(),
                    where.masterAddr(),
                    where.masterPort(),
                    where.timeout().toSeconds());
        break;
      }
      came++;
      String size = store.get_to_str(key);
      if (!size.equals(verdict)) {
        verdict = differs(r, Integer.parseInt(size), verdict);
        break;
      }
    }
    store.set(VERDICT, verdict);
    if (!verdict.equals(Integer.toString(where.worldSize()))) {
      linger(came);
    }
    return verdict;
  }

  private static String differs(int rank, int size, String ofRank0) {
    return "rank %d was started as one of %d, rank 0 as one of %s; give all the same --nnodes and --nproc_per_node, or WORLD_SIZE"
        .formatted(rank, size, ofRank0);
  }

  private String hear() {
    Duration patience = where.timeout().plus(LINGER);
    if (!comes(VERDICT, patience)) {
      throw new CollectiveException(
          "rank 0 did not come to %s:%d within %d s, rank %d waited; check that all were started"
              .formatted(
                  where.masterAddr(), where.masterPort(), patience.toSeconds(), where.rank()));
    }
    String verdict = store.get_to_str(VERDICT);
    long unused = store.add(HEARD, 1);
    return verdict;
  }

  private boolean comes(String key, Duration patience) {
    try (StringVector keys = new StringVector(key)) {
      store._wait(keys, C10d.millis(patience));
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private void linger(int others) {
    long deadline = System.nanoTime() + LINGER.toNanos();
    while (store.add(HEARD, 0) < others && System.nanoTime() < deadline) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
