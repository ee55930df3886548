package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks that are processes, and what becomes of them when one, or their agent, goes. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "processes get signals")
@Tag("process")
class KilledRankTest {
  @TempDir Path temp;

  @BeforeEach
  void processes() {
    assumeTrue(TuneProcess.backends().contains("javacpp"), "javacpp alone has ranks as processes");
  }

  private static List<String> arguments(Path output, String launch, String... changes) {
    List<String> all = new ArrayList<>(TuneProcess.arguments("javacpp", output, changes));
    all.set(1, "lora_finetune_distributed");
    all.addAll(1, List.of("--nproc_per_node=2", launch));
    all.removeIf(a -> a.startsWith("threads="));
    all.addAll(List.of("threads=1", "gradient_accumulation_steps=1"));
    return all;
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddp", "fsdp"})
  @Tag("long")
  void rank_killed_runEndsWithTheLossesOfTheUndisturbed(String strategy) throws Exception {
    String[] settings = {"epochs=20", "save_every_n_steps=3", "strategy=" + strategy};
    Path whole = temp.resolve("whole");
    TuneProcess.complete(temp, arguments(whole, "--max-restarts=0", settings));
    Path out = temp.resolve("out");
    TuneProcess agent = TuneProcess.tune(temp, arguments(out, "--max-restarts=1", settings));
    agent.awaitMetrics(out, 2000);
    List<ProcessHandle> ranks = agent.children();
    assertEquals(2, ranks.size());
    assertTrue(ranks.get(1).destroyForcibly());
    assertEquals(0, agent.exitCode(), () -> agent.out() + agent.err());
    assertTrue(agent.err().contains("was killed by signal 9; restart 1 of 1"), agent::err);
    assertEquals(TuneProcess.metrics(whole), TuneProcess.metrics(out));
  }

  /** One machine, a second one that comes later, then the first alone: a batch stays a batch. */
  @ParameterizedTest
  @ValueSource(strings = {"ddp", "fsdp"})
  @Tag("long")
  void machines_comeAndGo_lossesAreThoseOfTheUndisturbed(String strategy) throws Exception {
    String[] settings = {
      "epochs=100", "save_every_n_steps=20", "lora_dropout=0", "strategy=" + strategy
    };
    Path whole = temp.resolve("whole");
    TuneProcess.complete(temp, arguments(whole, "--max-restarts=0", settings));
    Path out = temp.resolve("out");
    List<String> machine = arguments(out, "--nnodes=1:2", settings);
    machine.set(1, "--nproc_per_node=1");
    machine.addAll(
        1, List.of("--rdzv_endpoint=127.0.0.1:" + freePort(), "--rdzv_conf=last_call_timeout=1"));
    TuneProcess first = TuneProcess.tune(temp, machine);
    first.awaitMetrics(out, 0);
    TuneProcess second = TuneProcess.tune(temp, machine);
    second.awaitOut("[rank 1] ");
    first.awaitMetrics(out, Files.size(out.resolve("logs/metrics.jsonl")) + 3000);
    second.kill();
    assertEquals(0, first.exitCode(), () -> first.out() + first.err());
    String expected =
        """
        tune: another machine has joined; all save and restart together
        tune: machine 127.0.0.1 is gone; the others continue from the newest checkpoint
        """;
    assertEquals(
        expected.lines().toList(),
        first.err().lines().filter(l -> l.matches(".*(another|gone).*")).toList(),
        first::err);
    List<Double> losses = TuneProcess.losses(out);
    List<Double> undisturbed = TuneProcess.losses(whole);
    assertEquals(400, undisturbed.size());
    assertEquals(undisturbed.size(), losses.size());
    for (int i = 0; i < losses.size(); i++) {
      assertEquals(undisturbed.get(i), losses.get(i), 1e-5, "step " + (i + 1));
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket s = new ServerSocket(0)) {
      return s.getLocalPort();
    }
  }

  @Test
  void rank_killed_endsTheOthers() throws Exception {
    Path out = temp.resolve("out");
    TuneProcess agent = TuneProcess.tune(temp, arguments(out, "--max-restarts=0", "epochs=500"));
    agent.awaitMetrics(out, 0);
    List<ProcessHandle> ranks = agent.children();
    assertTrue(ranks.get(0).destroyForcibly());
    assertEquals(1, agent.exitCode(), agent::err);
    assertTrue(
        agent.err().contains("was killed by signal 9, and the others were stopped"), agent::err);
    assertTrue(ranks.stream().noneMatch(ProcessHandle::isAlive));
  }

  @Test
  void agent_terminated_savesAndLeavesNoRank() throws Exception {
    Path out = temp.resolve("out");
    TuneProcess agent = TuneProcess.tune(temp, arguments(out, "--max-restarts=1", "epochs=500"));
    agent.awaitMetrics(out, 0);
    List<ProcessHandle> ranks = agent.children();
    agent.signal("TERM");
    assertEquals(143, agent.exitCode(), agent::err);
    assertTrue(ranks.stream().noneMatch(ProcessHandle::isAlive));
    assertTrue(agent.out().contains("stopped; saved " + out.resolve("checkpoints")), agent::out);
    assertTrue(agent.out().contains("tune run --nproc_per_node=2 --max-restarts=1"), agent::out);
  }

  @Test
  @Tag("long")
  void agent_killed_leavesNoRank() throws Exception {
    Path out = temp.resolve("out");
    TuneProcess agent = TuneProcess.tune(temp, arguments(out, "--max-restarts=1", "epochs=500"));
    agent.awaitMetrics(out, 0);
    List<ProcessHandle> ranks = agent.children();
    agent.kill();
    for (ProcessHandle rank : ranks) {
      rank.onExit().orTimeout(5, java.util.concurrent.TimeUnit.MINUTES).join();
    }
  }
}
