package org.tune4j.agent;

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
import java.util.Map;
import java.util.Optional;
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
import org.tune4j.UsageException;
import picocli.CommandLine;

/** Machines that come, go and fail, each an agent of this process with a shell script a rank. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "ranks are shell scripts")
class CoordinatorTest {
  /** Nobody is silent for so long, however slow the machine. */
  private static final Duration BEAT = Duration.ofMinutes(5);

  /** Where silence is what is tested. */
  private static final Duration SHORT_BEAT = Duration.ofSeconds(2);

  private static final long SECONDS = 300;

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

  private static Coordinator.Terms terms(int min, int max, int restarts, double join) {
    return new Coordinator.Terms(
        "", min, max, restarts, Duration.ofMillis((long) (1000 * join)), Duration.ofMillis(300));
  }

  /** An agent on a thread. */
  private final class Machine {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private volatile boolean stop;

    Machine(Coordinator.Terms terms) {
      this(terms, Optional.empty(), BEAT);
    }

    Machine(Coordinator.Terms terms, Duration beat) {
      this(terms, Optional.empty(), beat);
    }

    Machine(Coordinator.Terms terms, Optional<RendezvousToken> token) {
      this(terms, token, BEAT);
    }

    private Machine(Coordinator.Terms terms, Optional<RendezvousToken> token, Duration beat) {
      PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
      PrintStream complained = new PrintStream(err, true, StandardCharsets.UTF_8);
      Agent agent =
          new Agent(
              new TorchrunOptions(),
              List.of("sh", "-c", RANK, dir.toString()),
              "",
              printed,
              complained,
              () -> false);
      Thread t =
          new Thread(
              () -> {
                try {
                  Membership.run(agent, 1, terms, token, beat, endpoint, complained, () -> stop);
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
    Machine a = new Machine(terms(1, 2, 0, 300));
    a.says("[rank 0] 0 of 1, full 2 \n");
    Machine b = new Machine(terms(1, 2, 0, 300));
    a.says("[rank 0] saved\n").says("[rank 0] 0 of 2, full 2 --resume\n");
    b.says("[rank 1] 1 of 2, full 2 --resume\n");
    a.tells("tune: another machine has joined; all save and restart together\n");
    make("end");
    assertEquals("well", a.end());
    assertEquals("well", b.end());
  }

  /** An earlier run's checkpoints are not taken for this one's. */
  @Test
  void machine_thatComesBeforeTheFirstStep_resumesNothing() throws Exception {
    make("slow");
    Machine a = new Machine(terms(1, 2, 0, 300));
    a.says("[rank 0] 0 of 1, full 2 \n");
    new Machine(terms(1, 2, 0, 300)).says("[rank 1] 1 of 2, full 2 \n");
    make("end");
    assertEquals("well", a.end());
  }

  @Test
  void machines_thatAreAll_startWithoutALastCall() throws Exception {
    Coordinator.Terms terms =
        new Coordinator.Terms("", 1, 2, 0, Duration.ofHours(1), Duration.ofHours(1));
    Machine a = new Machine(terms);
    a.tells("tune: 1 of 1:2 machines is here; 3600 s for more\n");
    new Machine(terms).says("[rank 1] 1 of 2, full 2 \n");
    a.says("[rank 0] 0 of 2, full 2 \n");
  }

  @Test
  void machine_thatIsLost_leavesTheOthersToGoOn() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300));
    try (Socket b = bare("1:2")) {
      assertTrue(line(b, "START").matches("START 0 false 1 2 2 \\d+"));
      a.says("0 of 2, full 2 \n");
    }
    a.tells("tune: machine 127.0.0.1 is gone; the others continue from the newest checkpoint\n");
    a.says("0 of 1, full 2 --resume\n");
    make("end");
    assertEquals("well", a.end());
  }

  @Test
  void machine_thatFallsSilent_isLost() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300), SHORT_BEAT);
    try (Socket b = bare("1:2")) {
      line(b, "START");
      a.says("0 of 1, full 2 --resume\n");
    }
  }

  @Test
  void machine_thatIsStopped_leavesTheOthersToGoOn() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300));
    Machine b = new Machine(terms(1, 2, 0, 300));
    b.says("1 of 2");
    b.stop = true;
    assertEquals("well", b.end());
    b.says("[rank 1] saved\n");
    a.says("0 of 1, full 2 --resume\n");
  }

  @Test
  void machine_thatComesWhenAllAreThere_waitsForAPlace() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 300));
    Socket b = bare("2");
    line(b, "START");
    Machine c = new Machine(terms(2, 2, 0, 300));
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
    Machine a = new Machine(terms(1, 2, 0, 300));
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
    Machine a = new Machine(terms(1, 2, 0, 300));
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
    Machine a = new Machine(terms(2, 2, 1, 300));
    Machine b = new Machine(terms(2, 2, 1, 300));
    b.says("1 of 2");
    make("fail-1");
    String why = "rank 1 failed with exit code 1 (rank 1 is tired)";
    String restarts = "tune: " + why + "; restart 1 of 1 from the newest checkpoint\n";
    a.tells(restarts).says("[rank 0] saved\n").says("0 of 2, full 2 --resume\n");
    b.tells(restarts).says("1 of 2, full 2 --resume\n");
    make("fail-1");
    String last = why + ", and the others were stopped, after 1 restarts";
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
            () -> false);
    make("fail-1");
    CollectiveException e = assertThrows(CollectiveException.class, agent::run);
    assertEquals(
        "rank 1 failed with exit code 1 (rank 1 is tired), and the others were stopped",
        e.getMessage());
    String said = out.toString(StandardCharsets.UTF_8);
    assertTrue(said.contains("[rank 0] saved\n"), said);
  }

  @Test
  void rank_thatFailsAsAMachineIsLost_isNotCounted() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300));
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
    Machine a = new Machine(terms(2, 2, 0, 300));
    try (Socket b = bare("2")) {
      line(b, "START");
      a.says("0 of 2");
      make("fail-0");
      line(b, "STOP");
      say(b, "FAILED true true rank 1 was killed");
      assertEquals("rank 1 was killed, and the others were stopped", a.end());
    }
  }

  private static Optional<RendezvousToken> token(String text) {
    return RendezvousToken.of(text, null, Map.of());
  }

  @Test
  void machines_thatShareAToken_meet() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 300), token("a token of this run"));
    Machine b = new Machine(terms(2, 2, 0, 300), token("a token of this run"));
    a.says("0 of 2");
    b.says("1 of 2");
    make("end");
    assertEquals("well", a.end());
    assertEquals("well", b.end());
  }

  @Test
  void machine_thatDoesNotKnowTheToken_isToldSoAndHasNoPart() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300), token("a token of this run"));
    a.says("0 of 1");
    assertEquals(
        "the agent at 127.0.0.1:%d does not know this machine's token; give the same --rdzv_token_file to all machines of the run, or another --rdzv_endpoint"
            .formatted(endpoint.getPort()),
        new Machine(terms(1, 2, 0, 300), token("another run's token")).end());
    assertEquals(
        "the agent at 127.0.0.1:%d asks for the run's token; give it with --rdzv_token_file FILE, the same on all machines"
            .formatted(endpoint.getPort()),
        new Machine(terms(1, 2, 0, 300)).end());
    make("end");
    assertEquals("well", a.end());
    assertFalse(a.toString().contains("saved"), a::toString);
  }

  @Test
  void machine_whoseEndpointHasNoToken_isToldSo() throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300));
    a.says("0 of 1");
    String told = new Machine(terms(1, 2, 0, 300), token("a token of this run")).end();
    assertTrue(told.contains("does not know this machine's token"), told);
  }

  /** One that was heard elsewhere, and what it said there. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "HELLO - 1:2/ 1",
        "NONCE 00000000000000000000000000000000\nHELLO - 1:2/ 1",
        "NONCE 00000000000000000000000000000000\n0000000000000000000000000000000000000000000000000000000000000000 HELLO - 1:2/ 1"
      })
  void stranger_withoutTheToken_hearsNothingAndChangesNothing(String said) throws Exception {
    Machine a = new Machine(terms(1, 2, 0, 300), token("a token of this run"));
    a.says("0 of 1");
    try (Socket b = new Socket(endpoint.getAddress(), endpoint.getPort())) {
      say(b, said);
      String heard = new String(b.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertFalse(heard.contains("START") || heard.contains("TELL"), heard);
    }
    make("end");
    assertEquals("well", a.end());
    assertFalse(a.toString().contains("saved"), a::toString);
  }

  @Test
  void seal_lineThatIsNotTheNext_isNotOpened() {
    byte[] key = token("a token of this run").orElseThrow().key("a", "b");
    RendezvousToken.Seal sends = new RendezvousToken.Seal(key, true);
    String first = sends.close("DONE true");
    String second = sends.close("");
    RendezvousToken.Seal hears = new RendezvousToken.Seal(key, true);
    assertEquals(Optional.of("DONE true"), hears.open(first));
    assertEquals(Optional.of(""), hears.open(second));
    assertEquals(Optional.empty(), new RendezvousToken.Seal(key, true).open(second), "left out");
    assertEquals(Optional.empty(), new RendezvousToken.Seal(key, false).open(first), "sent back");
    assertEquals(
        Optional.empty(),
        new RendezvousToken.Seal(key, true).open(first.replace("true", "false")),
        "changed");
    RendezvousToken.Seal again = new RendezvousToken.Seal(key, true);
    assertEquals(Optional.of("DONE true"), again.open(first));
    assertEquals(Optional.empty(), again.open(first), "sent again");
    byte[] other = token("a token of this run").orElseThrow().key("a", "c");
    assertEquals(Optional.empty(), new RendezvousToken.Seal(other, true).open(first), "elsewhere");
  }

  @Test
  void text_ofAnotherMachine_isPrintedWithoutControlCharacters() throws Exception {
    Machine a = new Machine(terms(2, 2, 0, 300));
    try (Socket b = bare("2")) {
      line(b, "START");
      say(b, "FAILED true false rank 1 \u001b[2J\r\u0007");
      assertEquals("rank 1 \\u001b[2J\\u000d\\u0007, and the others were stopped", a.end());
    }
  }

  private static Optional<RendezvousToken> ofMachines(String host, String... more) {
    List<String> options = new ArrayList<>(List.of("--nnodes=2", "--rdzv_endpoint=" + host + ":1"));
    options.addAll(List.of(more));
    return CommandLine.populateCommand(new TorchrunOptions(), options.toArray(String[]::new))
        .tokenOfMachines();
  }

  @ParameterizedTest
  @ValueSource(strings = {"--nnodes=1:2", "--node_rank=0", "--rdzv_backend=static"})
  void endpoint_thatOthersCanReach_wantsAToken(String how) throws IOException {
    for (String local : List.of("127.0.0.1", "localhost", "[::1]")) {
      assertEquals(Optional.empty(), ofMachines(local), local);
    }
    UsageException e = assertThrows(UsageException.class, () -> ofMachines("192.0.2.1"));
    assertEquals(
        "other machines can reach 192.0.2.1:1, so the machines of this run need a token: create one with `(umask 077; openssl rand -hex 32 > rdzv.token)`, copy it to each machine, and add --rdzv_token_file rdzv.token",
        e.getMessage());
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    String[] options =
        how.startsWith("--nnodes")
            ? new String[] {how, "--rdzv_endpoint=192.0.2.1:1"}
            : new String[] {"--nnodes=2", "--rdzv_endpoint=192.0.2.1:1", how};
    Agent agent =
        new Agent(
            CommandLine.populateCommand(new TorchrunOptions(), options),
            List.of("true"),
            "",
            none,
            none,
            () -> false);
    assertThrows(UsageException.class, agent::run);
    Path file = Files.writeString(dir.resolve("token"), "a token of this run\n");
    assertEquals(
        "a token of this run",
        ofMachines("192.0.2.1", "--rdzv_token_file=" + file).orElseThrow().text());
    UsageException tooShort =
        assertThrows(UsageException.class, () -> ofMachines("192.0.2.1", "--rdzv-token=secret"));
    assertEquals(
        "--rdzv_token has 6 characters, expected 16 or more; `openssl rand -hex 32` makes a token",
        tooShort.getMessage());
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
        "1 of 2 machines is here after 1 s; start the others, or check their --rdzv_endpoint; --resume continues from the newest checkpoint",
        a.end());
  }

  @Test
  void endpoint_thatIsLeft_endsTheOthers() throws Exception {
    Machine a = new Machine(terms(1, 2, 3, 300));
    a.tells("1 of 1:2");
    Machine b = new Machine(terms(1, 2, 3, 300));
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
    Machine a = new Machine(terms(2, 3, 0, 300));
    a.tells("1 of 2:3");
    assertEquals(
        "this machine was started with --nnodes and --rdzv_id 2:4/, the one at the endpoint with 2:3/; give all the same",
        new Machine(terms(2, 4, 0, 300)).end());
  }

  @Test
  void endpoint_thatNobodyOpens_isNamedInTime() {
    InetSocketAddress elsewhere = new InetSocketAddress("192.0.2.1", 29500);
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    Agent agent = new Agent(new TorchrunOptions(), List.of("true"), "", none, none, () -> false);
    CollectiveException e =
        assertThrows(
            CollectiveException.class,
            () ->
                Membership.run(
                    agent,
                    1,
                    terms(1, 2, 0, 0.1),
                    Optional.empty(),
                    BEAT,
                    elsewhere,
                    none,
                    () -> false));
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
          "127.0.0.1:%d is in use by something other than an agent of this run; give all machines another port, and --node_rank to all or none"
              .formatted(other.getLocalPort()),
          new Machine(terms(1, 2, 0, 300), SHORT_BEAT).end());
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
      String told = new Machine(terms(1, 2, 0, 300)).end();
      answers.get(SECONDS, TimeUnit.SECONDS);
      assertTrue(told.contains("is in use by something other than an agent of this run"), told);
    }
  }
}
