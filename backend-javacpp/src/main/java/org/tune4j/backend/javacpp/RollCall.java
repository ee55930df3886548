package org.tune4j.backend.javacpp;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.tune4j.CollectiveException;
import org.tune4j.collective.Rendezvous;

/**
 * Before ranks connect to each other: each says in the store that it is there and how many it
 * expects, rank 0 compares, and all hear what it found. Where the run has a token, each signs what
 * it says with it, for this roll call alone.
 */
final class RollCall {
  private static final String VERDICT = "verdict";
  private static final String HEARD = "heard";
  private static final String NONCE = "nonce";
  private static final String HMAC = "HmacSHA256";
  private static final Pattern SIGNATURE = Pattern.compile(" [0-9a-f]{64}$");

  /** How long rank 0, whose process holds the store, stays after bad news. */
  private static final Duration LINGER = Duration.ofSeconds(2);

  private final Store store;
  private final Rendezvous where;
  private final Optional<String> token;
  private String nonce = "";

  RollCall(Store store, Rendezvous where, Optional<String> token) {
    this.store = store;
    this.where = where;
    this.token = token;
  }

  /**
   * Returns when all ranks are there.
   *
   * @throws CollectiveException when one is missing, there twice, or expects another number
   */
  void take() {
    int times = (int) store.add("times/" + where.rank(), 1);
    if (token.isPresent() && times == 1) {
      nonce = agreeOnNonce();
    }
    String mine = (times > 1 ? "twice " : "") + where.worldSize();
    say("rank/" + where.rank() + (times > 1 ? "/again" : ""), mine);
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
            "rank %d of %d did not connect to %s:%d within %d s; start it, or check MASTER_ADDR, MASTER_PORT and WORLD_SIZE there"
                .formatted(
                    r,
                    where.worldSize(),
                    where.masterAddr(),
                    where.masterPort(),
                    where.timeout().toSeconds());
        break;
      }
      came++;
      String size = said(key).orElse("");
      if (!size.equals(verdict)) {
        verdict = size.isEmpty() ? strange(r) : differs(r, Integer.parseInt(size), verdict);
        break;
      }
    }
    say(VERDICT, verdict);
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
          "rank 0 did not connect to %s:%d within %d s, rank %d waited; check that all were started"
              .formatted(
                  where.masterAddr(), where.masterPort(), patience.toSeconds(), where.rank()));
    }
    String verdict = said(VERDICT).orElseGet(() -> strange(0));
    long unused = store.add(HEARD, 1);
    return verdict;
  }

  private static String strange(int rank) {
    return "rank %d does not know this run's token; give all machines the same --rdzv_token_file, or TUNE_RDZV_TOKEN"
        .formatted(rank);
  }

  private String agreeOnNonce() {
    if (where.rank() == 0) {
      byte[] bytes = new byte[16];
      new SecureRandom().nextBytes(bytes);
      store.set(NONCE, HexFormat.of().formatHex(bytes));
    }
    // Who waits in vain hears below what is wrong.
    return comes(NONCE, where.timeout()) ? store.get_to_str(NONCE) : "";
  }

  private void say(String key, String text) {
    store.set(key, text + token.map(t -> " " + signature(t, key, text)).orElse(""));
  }

  /** Empty where it is not signed by one who knows the token. */
  private Optional<String> said(String key) {
    String all = store.get_to_str(key);
    String text = SIGNATURE.matcher(all).replaceFirst("");
    return token.isEmpty() || all.equals(text + " " + signature(token.get(), key, text))
        ? Optional.of(text)
        : Optional.empty();
  }

  private String signature(String secret, String key, String text) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), HMAC));
      String signed = "tune4j roll call 1 %s %s %s".formatted(nonce, key, text);
      return HexFormat.of().formatHex(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
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
