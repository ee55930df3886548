package org.tune4j.backend.javacpp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Store;
import org.junit.jupiter.api.Test;
import org.tune4j.CollectiveException;
import org.tune4j.collective.Rendezvous;

/** Ranks that meet in a store, each with a token or none. */
class RollCallTest {
  private static final String STRANGE =
      " does not know this run's token; give all machines the same --rdzv_token_file, or TUNE_RDZV_TOKEN";

  /** What each rank hears; empty where all is well. */
  private static List<String> heard(String... tokens) {
    int port = C10dTest.freePort();
    Queue<Store> stores = new ConcurrentLinkedQueue<>();
    List<CompletableFuture<String>> all = new ArrayList<>();
    for (int rank = 0; rank < tokens.length; rank++) {
      Rendezvous where =
          new Rendezvous(
              "127.0.0.1", port, rank, tokens.length, rank, false, Duration.ofMinutes(5));
      Optional<String> token = Optional.of(tokens[rank]).filter(t -> !t.isEmpty());
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                Store store = C10d.connect(where);
                stores.add(store);
                try {
                  new RollCall(store, where, token).take();
                  return "";
                } catch (CollectiveException e) {
                  return e.getMessage();
                }
              },
              work -> new Thread(work).start()));
    }
    try {
      return all.stream().map(f -> f.orTimeout(10, TimeUnit.MINUTES).join()).toList();
    } finally {
      stores.forEach(Store::close);
    }
  }

  @Test
  void take_allKnowTheToken_allIsWell() {
    assertEquals(List.of("", "", ""), heard("token", "token", "token"));
    assertEquals(List.of("", ""), heard("", ""));
  }

  @Test
  void take_oneKnowsAnother_eachSaysWho() {
    assertEquals(List.of("rank 1" + STRANGE, "rank 0" + STRANGE), heard("token", "another"));
  }

  @Test
  void take_oneKnowsNone_isNamed() {
    assertEquals(List.of("rank 1" + STRANGE, "rank 1" + STRANGE), heard("token", ""));
  }
}
