package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One rank on each of two hosts, which are network namespaces with a cable between them. */
@Tag("long")
@Tag("process")
class TwoHostsTest {
  /** How long ranks wait for each other, in seconds. */
  private static final int PATIENCE = 15;

  private static final int EPOCHS = 80;

  @TempDir Path temp;
  private final String name = "tune4j-" + ProcessHandle.current().pid() + "-";
  private final List<TuneProcess> agents = new ArrayList<>();

  @BeforeEach
  void lay() throws Exception {
    assumeTrue(TuneProcess.backends().contains("javacpp"), "javacpp alone has ranks as processes");
    String refusal = ip("netns", "add", name + 0);
    assumeTrue(
        refusal.isEmpty(),
        "skipped: no network namespace can be made (root, iproute2): " + refusal);
    done("netns", "add", name + 1);
    done(
        "link", "add", "cable", "netns", name + 0, "type", "veth", "peer", "cable", "netns",
        name + 1);
    for (int host : List.of(0, 1)) {
      done("-n", name + host, "link", "set", "lo", "up");
      done("-n", name + host, "address", "add", address(host) + "/24", "dev", "cable");
      done("-n", name + host, "link", "set", "cable", "up");
    }
  }

  @AfterEach
  void clear() throws Exception {
    for (TuneProcess agent : agents) {
      agent.kill();
    }
    for (int host : List.of(0, 1)) {
      String unused = ip("netns", "delete", name + host);
    }
  }

  private static String address(int host) {
    return "10.77.0." + (host + 1);
  }

  private static void done(String... words) throws Exception {
    assertEquals("", ip(words), () -> "ip " + String.join(" ", words));
  }

  /** What {@code ip} complains of. */
  private static String ip(String... words) throws Exception {
    List<String> command = TuneProcess.concat(List.of("ip"), List.of(words));
    try {
      Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return p.waitFor() == 0 ? "" : said + " (" + p.exitValue() + ")";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private void cable(String state) throws Exception {
    done("-n", name + 0, "link", "set", "cable", state);
  }

  private static List<String> arguments(Path out, List<String> launch, String strategy) {
    List<String> all =
        TuneProcess.arguments(
            "javacpp",
            out,
            "epochs=" + EPOCHS,
            "save_every_n_steps=20",
            "gradient_accumulation_steps=1",
            "threads=1",
            "strategy=" + strategy);
    all.set(1, "lora_finetune_distributed");
    all.addAll(1, launch);
    return all;
  }

  /** An agent on a host. */
  private TuneProcess on(int host, Path out, String strategy, String... launch) throws IOException {
    List<String> options = new ArrayList<>(List.of(launch));
    options.add("--nnodes=2");
    options.add("--rdzv_endpoint=" + address(0) + ":29500");
    List<String> command =
        new ArrayList<>(
            List.of(
                "ip",
                "netns",
                "exec",
                name + host,
                "env",
                "TUNE_RANK_TIMEOUT=" + PATIENCE,
                "TUNE_RDZV_TOKEN=0123456789abcdef"));
    command.addAll(TuneProcess.jvm());
    command.addAll(arguments(out, options, strategy));
    TuneProcess agent = TuneProcess.start(temp, command);
    agents.add(agent);
    return agent;
  }

  private List<Double> undisturbed(String strategy) throws Exception {
    Path whole = temp.resolve("whole");
    TuneProcess.complete(temp, arguments(whole, List.of("--nproc_per_node=2"), strategy));
    List<Double> losses = TuneProcess.losses(whole);
    assertEquals(4 * EPOCHS, losses.size());
    return losses;
  }

  private static void awaitRestart(TuneProcess agent) throws Exception {
    agent.awaitErr("from the newest checkpoint");
    assertTrue(agent.alive(), () -> agent.out() + agent.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddp", "fsdp"})
  void cable_cutAndMended_runEndsWithTheLossesOfTheUndisturbed(String strategy) throws Exception {
    List<Double> undisturbed = undisturbed(strategy);
    Path out = temp.resolve("out");
    TuneProcess first = on(0, out, strategy, "--node_rank=0", "--max-restarts=9");
    TuneProcess second = on(1, out, strategy, "--node_rank=1", "--max-restarts=9");
    first.awaitMetrics(out, 10_000);
    cable("down");
    awaitRestart(first);
    awaitRestart(second);
    assertTrue(
        first.err().contains("another rank is gone, or later than " + PATIENCE + " s"), first::err);
    cable("up");
    assertEquals(0, first.exitCode(), () -> first.out() + first.err());
    assertEquals(0, second.exitCode(), () -> second.out() + second.err());
    assertTrue(
        first.out().contains("resuming from " + out.resolve("checkpoints/step_")), first::out);
    assertEquals(undisturbed, TuneProcess.losses(out));
  }

  /** Machines that met: the one that is cut off ends, and is awaited. */
  @Test
  void cable_cutBetweenMachinesThatMet_runGoesOnWhenTheOtherIsBack() throws Exception {
    List<Double> undisturbed = undisturbed("ddp");
    Path out = temp.resolve("out");
    TuneProcess first = on(0, out, "ddp");
    TuneProcess second = on(1, out, "ddp");
    first.awaitMetrics(out, 10_000);
    cable("down");
    assertEquals(1, second.exitCode(), second::err);
    assertTrue(
        second
            .err()
            .contains(
                "tune: the agent at 10.77.0.1:29500, where the machines of this run meet, is gone"),
        second::err);
    first.awaitErr(
        "tune: machine 10.77.0.2 is gone; the others continue from the newest checkpoint");
    cable("up");
    TuneProcess again = on(1, out, "ddp");
    assertEquals(0, first.exitCode(), () -> first.out() + first.err());
    assertEquals(0, again.exitCode(), () -> again.out() + again.err());
    assertEquals(undisturbed, TuneProcess.losses(out));
  }
}
