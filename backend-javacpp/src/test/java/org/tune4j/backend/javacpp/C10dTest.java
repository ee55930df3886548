package org.tune4j.backend.javacpp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.tune4j.CollectiveException;
import org.tune4j.collective.Collectives;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Rendezvous;
import org.tune4j.kit.CollectiveConformance;
import org.tune4j.spi.BackendOptions;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;

/** Chapter 8 of the kit on TCPStore and Gloo, each rank a thread with a group of its own. */
class C10dTest extends CollectiveConformance {
  private static final Duration MINUTES = Duration.ofMinutes(5);

  @Override
  protected boolean has(DType dtype) {
    return true;
  }

  @Override
  protected void run(int worldSize, Duration timeout, Consumer<ProcessGroup> body) {
    int port = freePort();
    AtomicReference<RuntimeException> first = new AtomicReference<>();
    AtomicReference<Error> error = new AtomicReference<>();
    try (Engine engine =
        Engine.open(
            new JavacppBackendProvider(), new BackendOptions(BackendOptions.DEFAULT.device(), 1))) {
      List<Thread> threads =
          IntStream.range(0, worldSize)
              .mapToObj(
                  rank ->
                      new Thread(
                          () -> {
                            Rendezvous r =
                                new Rendezvous(
                                    "127.0.0.1", port, rank, worldSize, rank, false, timeout);
                            try (ProcessGroup group =
                                new ProcessGroup(engine, Optional.of(r.join(engine)), false)) {
                              inScope(group, body);
                            } catch (RuntimeException e) {
                              first.compareAndSet(null, e);
                            } catch (Error e) {
                              error.compareAndSet(null, e);
                            }
                          },
                          "rank-" + rank))
              .toList();
      threads.forEach(Thread::start);
      for (Thread t : threads) {
        t.join();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (error.get() != null) {
      throw error.get();
    }
    if (first.get() != null) {
      throw first.get();
    }
  }

  /** Ranks that were started differently, each with what it expects: what each is told. */
  private static List<String> told(Rendezvous... ranks) {
    try (Engine engine =
        Engine.open(
            new JavacppBackendProvider(), new BackendOptions(BackendOptions.DEFAULT.device(), 1))) {
      List<CompletableFuture<String>> all = new ArrayList<>();
      for (Rendezvous r : ranks) {
        CompletableFuture<String> said = new CompletableFuture<>();
        all.add(said);
        new Thread(
                () -> {
                  try (Collectives group = r.join(engine)) {
                    said.complete("met as " + group.rank());
                  } catch (CollectiveException e) {
                    said.complete(e.getMessage());
                  } catch (RuntimeException e) {
                    said.completeExceptionally(e);
                  }
                })
            .start();
      }
      return all.stream().map(f -> f.orTimeout(5, TimeUnit.MINUTES).join()).toList();
    }
  }

  private static Rendezvous rank(int rank, int worldSize, int port, Duration timeout) {
    return new Rendezvous("127.0.0.1", port, rank, worldSize, rank, false, timeout);
  }

  /** Of the store and of what ranks exchange by. */
  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "sockets are read from /proc")
  void join_onLoopback_listensNowhereElse() {
    Queue<String> listening = new ConcurrentLinkedQueue<>();
    run(
        2,
        MINUTES,
        group -> {
          try {
            listening.addAll(listening());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          group.barrier();
        });
    assertFalse(listening.isEmpty());
    Set<String> loopback =
        Set.of("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000");
    assertTrue(loopback.containsAll(listening), listening::toString);
  }

  /** The addresses, as Linux writes them, on which this process listens. */
  private static Set<String> listening() throws IOException {
    Set<String> own = new HashSet<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path one : all) {
        try {
          own.add(Files.readSymbolicLink(one).toString());
        } catch (IOException e) {
          // closed meanwhile
        }
      }
    }
    Set<String> addresses = new HashSet<>();
    for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
      for (String line : Files.readAllLines(Path.of(table))) {
        String[] words = line.strip().split("\\s+");
        if (words[3].equals("0A") && own.contains("socket:[" + words[9] + "]")) {
          addresses.add(words[1].replaceFirst(":.*", ""));
        }
      }
    }
    return addresses;
  }

  @Test
  void join_ranksThatExpectOtherNumbers_saysSoOnEach() {
    int port = freePort();
    String differs =
        "rank 1 was started as one of 3, rank 0 as one of 2; give all the same --nnodes and --nproc_per_node, or WORLD_SIZE";
    assertEquals(
        List.of(differs, differs), told(rank(0, 2, port, MINUTES), rank(1, 3, port, MINUTES)));
  }

  @Test
  void join_rankThatDoesNotCome_isNamedToTheOthers() {
    int port = freePort();
    Duration patience = Duration.ofSeconds(10);
    String missing =
        "rank 2 of 3 did not connect to 127.0.0.1:%d within 10 s; start it, or check MASTER_ADDR, MASTER_PORT and WORLD_SIZE there"
            .formatted(port);
    assertEquals(
        List.of(missing, missing), told(rank(0, 3, port, patience), rank(1, 3, port, patience)));
  }

  @Test
  void join_whereNobodyListens_saysWhereWithinTheTimeOut() {
    int port = freePort();
    String said = told(rank(1, 2, port, Duration.ofSeconds(2))).get(0);
    assertTrue(
        said.startsWith(
            "rank 1 of 2 does not meet the others at 127.0.0.1:%d within 2 s: ".formatted(port)),
        said);
  }

  @Test
  void join_whereThePortIsTaken_saysSo() throws IOException {
    try (ServerSocket other = new ServerSocket(0)) {
      assertEquals(
          List.of(
              "rank 0 cannot listen: port %d of 127.0.0.1 is taken; choose another with --master_port or --rdzv_endpoint"
                  .formatted(other.getLocalPort())),
          told(rank(0, 2, other.getLocalPort(), MINUTES)));
    }
  }

  static int freePort() {
    try (ServerSocket s = new ServerSocket(0)) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
