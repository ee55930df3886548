package org.tune4j.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.ConfigException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;

/** A section {@code adapters}, and the runs that it describes. */
class RunConfigsTest {
  /** A section that has a rank. */
  public record Model(int rank) {
    /** Its component. */
    @Component("lora")
    public static Model of(@Default("8") int rank) {
      return new Model(rank);
    }

    /** Another. */
    @Component("dora")
    public static Model dora(@Default("8") int rank) {
      return new Model(-rank);
    }
  }

  /** What a config describes. */
  public record Job(String outputDir, Model model, long seed, String dtype) {
    /** Its component. */
    @Component("job")
    public static Job of(
        String outputDir, Model model, @Default("1") long seed, @Default("bf16") String dtype) {
      return new Job(outputDir, model, seed, dtype);
    }
  }

  private static final ComponentRegistry KNOWN =
      new ComponentRegistry(List.of(() -> List.of(Job.class, Model.class)));

  private static final String COMMON =
      "output_dir: /out\nseed: 3\nmodel: {_component_: lora, rank: 4}\n";

  private static RunConfigs runs(String adapters, String... overrides) {
    return RunConfigs.resolve(
        KNOWN, Job.class, "job", Config.parse("c.yaml", COMMON + adapters), List.of(overrides));
  }

  private static Map<String, Job> jobs(String adapters, String... overrides) {
    return runs(adapters, overrides).bound(KNOWN, Job.class, "job").component();
  }

  private static String refusal(String adapters, String... overrides) {
    return assertThrows(ConfigException.class, () -> jobs(adapters, overrides)).getMessage();
  }

  @Test
  void noSection_isOneRun() {
    for (String none : List.of("", "adapters: null\n", "adapters: {}\n")) {
      RunConfigs runs = runs(none);
      assertFalse(runs.several(), none);
      assertEquals(Map.of("", new Job("/out", new Model(4), 3, "bf16")), jobs(none), none);
    }
  }

  @Test
  void entries_changeTheKeysThatTheyHave_inFoldersOfTheirOwn() {
    String adapters =
        """
        adapters:
          same:
          b: {seed: 5, rank: 16}
          c: {model: {rank: 2}, output_dir: /elsewhere}
          d: {model: {_component_: dora}}
        """;
    assertTrue(runs(adapters).several());
    Map<String, Job> jobs = jobs(adapters);
    assertEquals(List.of("same", "b", "c", "d"), List.copyOf(jobs.keySet()));
    assertEquals(new Job("/out/same", new Model(4), 3, "bf16"), jobs.get("same"));
    assertEquals(new Job("/out/b", new Model(16), 5, "bf16"), jobs.get("b"));
    assertEquals(new Job("/elsewhere", new Model(2), 3, "bf16"), jobs.get("c"));
    assertEquals(new Job("/out/d", new Model(-8), 3, "bf16"), jobs.get("d"));
  }

  @Test
  void overrides_areOfAll_orOfOneByItsName_whichComesOnTop() {
    String adapters = "adapters: {a: {seed: 5}, b: {}}\n";
    Map<String, Job> jobs = jobs(adapters, "seed=7", "rank=1", "adapters.b.rank=9");
    assertEquals(new Job("/out/a", new Model(1), 5, "bf16"), jobs.get("a"));
    assertEquals(new Job("/out/b", new Model(9), 7, "bf16"), jobs.get("b"));
    assertEquals(List.of("b"), List.copyOf(jobs(adapters, "~adapters.a").keySet()));
    assertEquals(
        List.of("x", "y"),
        List.copyOf(jobs("", "adapters.x.seed=1", "adapters.y.seed=2").keySet()));
  }

  @Test
  void interpolation_refersToTheRunsOwnKeys() {
    Map<String, Config> configs =
        RunConfigs.resolve(
                KNOWN,
                Job.class,
                "job",
                Config.parse(
                    "c.yaml",
                    "output_dir: ${root}/x\nroot: /out\ncheckpointer: {output_dir: '${output_dir}'}\n"
                        + "adapters: {a: {seed: '${model.rank}', model: {rank: 6}}}\n"),
                List.of())
            .byAdapter();
    assertEquals("/out/x/a", configs.get("a").text("output_dir"));
    assertEquals("/out/x/a", configs.get("a").text("checkpointer.output_dir"));
    assertEquals("6", configs.get("a").text("seed"));
    assertEquals("", configs.get("a").text("root"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[a, b]|c.yaml:4:11: key 'adapters' is no section; expected names, each with the keys that it changes",
        "{a: 1}|c.yaml:4:15: adapter 'a' is no section; expected the keys that it changes",
        "{../a: {}}|c.yaml:4:18: adapter '../a': the name is that of its folder; use letters, digits, '_', '-' and '.'",
        "{a: {dtype: fp32}}|c.yaml:4:23: adapter 'a' has key 'dtype', which all adapters share; set it at the top",
        "{a: {checkpointer: {checkpoint_dir: x}}}|c.yaml:4:30: adapter 'a' has key 'checkpointer', which all adapters share; set it at the top",
        "{a: {output_dir: /x}, b: {output_dir: /x/../x}}|adapters 'a' and 'b' both have output_dir=/x/../x; give each a folder of its own",
        "{a: {sed: 1}, b: {}}|c.yaml:4:21: key 'sed' is not known; did you mean 'seed'?; accepted are output_dir, model, seed, dtype",
      })
  void section_wrong_isNamedWithItsPlace(String section, String message) {
    assertEquals(message, refusal("adapters: " + section));
  }

  @Test
  void sharedFolder_thatIsNotTheRuns_isRefused() {
    String message =
        assertThrows(
                ConfigException.class,
                () ->
                    RunConfigs.resolve(
                        KNOWN,
                        Job.class,
                        "job",
                        Config.parse(
                            "c.yaml",
                            COMMON + "checkpointer: {output_dir: /m}\nadapters: {a: {}, b: {}}"),
                        List.of()))
            .getMessage();
    assertEquals(
        "adapters 'a' and 'b' both have checkpointer.output_dir=/m; give each a folder of its own, such as ${output_dir}",
        message);
  }

  @Test
  void problemOfAll_isSaidOnce() {
    assertEquals(
        "override 'seed=x': key 'seed' is 'x', expected an integer",
        refusal("adapters: {a: {}, b: {}}", "seed=x"));
  }
}
