package org.tune4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.CollectiveException;
import org.tune4j.recipe.RunListener;
import picocli.CommandLine;

/** Machines that come, go and fail, each an agent of this process with a shell script a rank. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "ranks are shell scripts")
class MeetingTest {
  private static final Duration BEAT = Duration.ofMillis(200);
  private static final long SECONDS = 30;

  /** Says who it is, makes its first step unless told not to, and ends as files want it to. */
  private static final String RANK =
      """
      trap 'echo "saved"; exit 143' TERM
      echo "$RANK of $WORLD_SIZE, full $TUNE_FULL_WORLD_SIZE $1"
      [ -e "$0/slow" ] || rm -f "$TUNE_AGENT_NOT_BEGUN"
      while [ ! -e "$0/end" ]; do
        if [ -e "$0/fail-$RANK" ]; then rm "$0/fail-$RANK"; echo "tune: rank $RANK is tired" >&2; exit 1; fi
        if [ -e "$0/kill-$RANK" ]; then rm "$0/kill-$RANK"; kill -9 $$; fi
        sleep 0.02
      done
      """;

  @TempDir Path dir;
  private final InetSocketAddress endpoint = new InetSocketAddress("127.0.0.1", Agent.freePort());
  private final List<Machine> machines = new ArrayList<>();

  private static Meeting.Terms terms(int min, int max, int restarts, double join) {
    return new Meeting.Terms(
        "", min, max, restarts, Duration.ofMillis((long) (1000 * join)), Duration.ofMillis(300));
  }

  /** An agent on a thread. */
  private final class Machine {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private volatile boolean stop;

    Machine(Meeting.Terms terms) {
      PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
      PrintStream complained = new PrintStream(err, true, StandardCharsets.UTF_8);
      Agent agent =
          new Agent(
              new TorchrunOptions(),
              List.of("sh", "-c", RANK, dir.toString()),
              "",
              printed,
              complained,
              new StopSignal(RunListener.NONE, System::nanoTime));
      Thread t =
          new Thread(
              () -> {
                try {
                  Membership.run(agent, 1, terms, BEAT, endpoint, complained, () -> stop);
                  ended.complete("well");
                } catch (CollectiveException e) {
                  ended.complete(e.getMessage());
                } catch (RuntimeException | Error e) {
                  ended.completeExceptionally(e);
                }
              },
              "machine-" + machines.size());
      machines.add(this);
      t.start();
      if (machines.size() == 1) { // the endpoint's
        await(() -> err.size() > 0 || ended.isDone(), this::toString);
      }
    }

    Machine says(String text) {
      await(() -> out.toString(StandardCharsets.UTF_8).contains(text), () -> text + " in " + this);
      return this;
    }

    Machine tells(String text) {
      await(() -> err.toString(StandardCharsets.UTF_8).contains(text), () -> text + " in " + this);
      return this;
    }

    String end() throws Exception {
      return ended.get(SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public String toString() {
      return out.toString(StandardCharsets.UTF_8) + err.toString(StandardCharsets.UTF_8);
    }
  }

  private static void await(BooleanSupplier what, Supplier<String> text) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (!what.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, text);
      sleep(10);
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void make(String file) throws IOException {
    Files.writeString(dir.resolve(file), "");
  }

  @AfterEach
  void stopAll() throws Exception {
    machines.forEach(m -> m.stop = true);
    for (Machine m : machines) {
      String unused = m.end();
    }
  }

  /** An agent that only says hello, so that it can go as a machine does that loses its power. */
  private Socket bare(String nodes) throws IOException {
    Socket socket = new Socket(endpoint.getAddress(), endpoint.getPort());
    say(socket, "HELLO - %s/ 1".formatted(nodes));
    return socket;
  }

  private static void say(Socket socket, String line) throws IOException {
    socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static String line(Socket socket, String word) throws IOException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    for (String l = lines.readLine(); l != null; l = lines.readLine()) {
      if (l.startsWith(word)) {
        return l;
      }
    }
    throw new AssertionError("it said no " + word);
  }

  @Test
  void machine_thatComesLater_makesAllGoOnTogether() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    a.says("[rank 0] 0 of 1, full 2 \n");
    Machine b = new Machine(terms(1, 2, 0, 20));
    a.says("[rank 0] saved\n").says("[rank 0] 0 of 2, full 2 --resume\n");
    b.says("[rank 1] 1 of 2, full 2 --resume\n");
    a.tells("tune: another machine is here; all save and go on together\n");
    make("end");
    assertEquals("well", a.end());
    assertEquals("well", b.end());
  }

  /** An earlier run's checkpoints are not taken for this one's. */
  @Test
  void machine_thatComesBeforeTheFirstStep_resumesNothing() throws Exception {
    make("slow");
    Machine a = new Machine(terms(1, 2, 0, 20));
    a.says("[rank 0] 0 of 1, full 2 \n");
    new Machine(terms(1, 2, 0, 20)).says("[rank 1] 1 of 2, full 2 \n");
    make("end");
    assertEquals("well", a.end());
  }

  @Test
  void machines_thatAreAll_startWithoutALastCall() throws Exception {
    Meeting.Terms terms =
        new Meeting.Terms("", 1, 2, 0, Duration.ofSeconds(20), Duration.ofSeconds(20));
    long started = System.nanoTime();
    Machine a = new Machine(terms);
    a.tells("tune: 1 of 1:2 machines is here; 20 s for more\n");
    new Machine(terms).says("[rank 1] 1 of 2, full 2 \n");
    a.says("[rank 0] 0 of 2, full 2 \n");
    double seconds = (System.nanoTime() - started) * 1e-9;
    assertTrue(seconds < 10, "it took " + seconds + " s");
  }

  @Test
  void machine_thatIsLost_leavesTheOthersToGoOn() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    try (Socket b = bare("1:2")) {
      assertTrue(line(b, "START").matches("START 0 false 1 2 2 \\d+"));
      a.says("0 of 2, full 2 \n");
    }
    a.tells("tune: machine 127.0.0.1 is gone; the others go on from the newest checkpoint\n");
    a.says("0 of 1, full 2 --resume\n");
    make("end");
    assertEquals("well", a.end());
  }

  @Test
  void machine_thatFallsSilent_isLost() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    try (Socket b = bare("1:2")) {
      line(b, "START");
      a.says("0 of 1, full 2 --resume\n");
    }
  }

  @Test
  void machine_thatIsStopped_leavesTheOthersToGoOn() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    Machine b = new Machine(terms(1, 2, 0, 20));
    b.says("1 of 2");
    b.stop = true;
    assertEquals("well", b.end());
    b.says("[rank 1] saved\n");
    a.says("0 of 1, full 2 --resume\n");
  }

  @Test
  void machine_thatComesWhenAllAreThere_waitsForAPlace() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 20));
    Socket b = bare("2");
    line(b, "START");
    Machine c = new Machine(terms(2, 2, 0, 20));
    c.tells("tune: all 2 machines are there; this one waits for a place\n");
    sleep(300);
    assertFalse(a.toString().contains("saved"), a::toString);
    b.close();
    c.says("[rank 1] 1 of 2, full 2 --resume\n");
    make("end");
    assertEquals("well", a.end());
    assertEquals("well", c.end());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "FAILED",
        "FAILED true",
        "FAILED true rank 1 was killed",
        "DONE",
        "DONE perhaps",
        "LEFT true",
        "HELLO - 1:2/ 1"
      })
  void machine_thatIsNotUnderstood_isRefusedAlone(String said) throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    try (Socket b = bare("1:2")) {
      line(b, "START");
      a.says("0 of 2");
      say(b, said);
      assertEquals(
          "END the agent at the endpoint does not understand '%s'; start the same version on all machines"
              .formatted(said),
          line(b, "END"));
    }
    a.says("0 of 1, full 2 --resume\n");
    make("end");
    assertEquals("well", a.end());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"GET / HTTP/1.1", "DONE true", "FAILED true true nobody", "HELLO - 1:2/ 0"})
  void stranger_isRefused(String said) throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    a.says("0 of 1");
    try (Socket b = new Socket(endpoint.getAddress(), endpoint.getPort())) {
      say(b, said);
      assertEquals(
          "END the agent at the endpoint does not understand '%s'; start the same version on all machines"
              .formatted(said),
          line(b, "END"));
    }
    make("end");
    assertEquals("well", a.end());
    assertFalse(a.toString().contains("saved"), a::toString);
  }

  @Test
  void rank_thatFails_isRestartedAsOftenAsItMay() throws Exception {
    Machine a = new Machine(terms(2, 2, 1, 20));
    Machine b = new Machine(terms(2, 2, 1, 20));
    b.says("1 of 2");
    make("fail-1");
    String why = "rank 1 failed with exit code 1 (rank 1 is tired)";
    String restarts = "tune: " + why + "; restart 1 of 1 from the newest checkpoint\n";
    a.tells(restarts).says("[rank 0] saved\n").says("0 of 2, full 2 --resume\n");
    b.tells(restarts).says("1 of 2, full 2 --resume\n");
    make("fail-1");
    String last = why + ", and the others were ended, after 1 restarts";
    assertEquals(last, a.end());
    assertEquals(last, b.end());
  }

  /** The others of its machine, too, which here would go on for ever. */
  @Test
  void rank_thatFails_endsTheOthersOfItsMachine() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
    Agent agent =
        new Agent(
            CommandLine.populateCommand(new TorchrunOptions(), "--nproc_per_node=2"),
            List.of("sh", "-c", RANK, dir.toString()),
            "",
            printed,
            printed,
            new StopSignal(RunListener.NONE, System::nanoTime));
    make("fail-1");
    CollectiveException e = assertThrows(CollectiveException.class, agent::run);
    assertEquals(
        "rank 1 failed with exit code 1 (rank 1 is tired), and the others were ended",
        e.getMessage());
    String said = out.toString(StandardCharsets.UTF_8);
    assertTrue(said.contains("[rank 0] saved\n"), said);
  }

  @Test
  void rank_thatFailsAsAMachineIsLost_isNotCounted() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 20));
    try (Socket b = bare("1:2")) {
      line(b, "START");
      a.says("0 of 2");
      make("fail-0");
      line(b, "STOP");
    }
    a.says("0 of 1, full 2 --resume\n");
  }

  @Test
  void rank_thatWasKilled_isNamedBeforeThoseThatComplain() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 20));
    try (Socket b = bare("2")) {
      line(b, "START");
      a.says("0 of 2");
      make("fail-0");
      line(b, "STOP");
      say(b, "FAILED true true rank 1 was killed");
      assertEquals("rank 1 was killed, and the others were ended", a.end());
    }
  }

  @Test
  void machines_thatAreTooFew_endInTime() throws Exception {
    Machine a = new Machine(terms(2, 3, 0, 1));
    assertEquals(
        "1 of 2:3 machines is here after 1 s; start the others, or check their --rdzv_endpoint",
        a.end());
    assertEquals("", a.out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void machines_thatAreTooFewAfterALoss_sayHowToGoOn() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 1));
    try (Socket b = bare("2")) {
      line(b, "START");
      a.says("0 of 2");
    }
    assertEquals(
        "1 of 2 machines is here after 1 s; start the others, or check their --rdzv_endpoint; --resume goes on from the newest checkpoint",
        a.end());
  }

  @Test
  void endpoint_thatIsLeft_endsTheOthers() throws Exception {
    Machine a = new Machine(terms(1, 2, 3, 20));
    a.tells("1 of 1:2");
    Machine b = new Machine(terms(1, 2, 3, 20));
    b.says("1 of 2");
    a.stop = true;
    assertEquals("well", a.end());
    assertEquals(
        "the agent at 127.0.0.1:%d, where the machines of this run meet, is gone; start it and the others again with --resume"
            .formatted(endpoint.getPort()),
        b.end());
    b.says("[rank 1] saved\n");
  }

  @Test
  void machine_thatWasStartedOtherwise_isToldSo() throws Exception {
    Machine a = new Machine(terms(2, 3, 0, 20));
    a.tells("1 of 2:3");
    assertEquals(
        "this machine was started with --nnodes and --rdzv_id 2:4/, the one at the endpoint with 2:3/; give all the same",
        new Machine(terms(2, 4, 0, 20)).end());
  }

  @Test
  void endpoint_thatNobodyOpens_isNamedInTime() {
    InetSocketAddress elsewhere = new InetSocketAddress("192.0.2.1", 29500);
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    Agent agent =
        new Agent(
            new TorchrunOptions(),
            List.of("true"),
            "",
            none,
            none,
            new StopSignal(RunListener.NONE, System::nanoTime));
    CollectiveException e =
        assertThrows(
            CollectiveException.class,
            () ->
                Membership.run(agent, 1, terms(1, 2, 0, 0.1), BEAT, elsewhere, none, () -> false));
    assertTrue(
        e.getMessage()
            .matches(
                "no agent listens at 192.0.2.1:29500 after 0 s: .*; start it on that machine, or check --rdzv_endpoint"),
        e::getMessage);
  }

  @Test
  void endpoint_thatIsSomethingElse_isNamed() throws Exception {
    try (ServerSocket other = new ServerSocket(endpoint.getPort(), 5, endpoint.getAddress())) {
      assertEquals(
          "127.0.0.1:%d is taken by something that is no agent of this run; give all machines another port, and --node_rank to all or none"
              .formatted(other.getLocalPort()),
          new Machine(terms(1, 2, 0, 20)).end());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP/1.1 400 Bad Request", "START", "START 1 true x 1 2 3", "long"})
  void endpoint_thatIsNotUnderstood_isNamed(String said) throws Exception {
    try (ServerSocket other = new ServerSocket(endpoint.getPort(), 5, endpoint.getAddress())) {
      CompletableFuture<Void> answers =
          CompletableFuture.runAsync(
              () -> {
                try {
                  say(other.accept(), said.equals("long") ? "x".repeat(100_000) : said);
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      String told = new Machine(terms(1, 2, 0, 20)).end();
      answers.get(SECONDS, TimeUnit.SECONDS);
      assertTrue(told.contains("is taken by something that is no agent of this run"), told);
    }
  }
}
