package org.tune4j.cli.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.hub.Backoff;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.StandInHub;
import org.tune4j.spi.Backends;
import org.tune4j.wiring.Wiring;

/** {@code tune download}, and a repository's name where a folder's may stand. */
class DownloadTest {
  @TempDir Path dir;
  private TinyRun run;
  private StandInHub hub;
  private boolean interactive;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void start() throws IOException {
    run = TinyRun.in(dir);
    hub = new StandInHub().folder(run.model());
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private HubSettings settings() {
    HubSettings s =
        HubSettings.of(
            Map.of("HF_HOME", dir.resolve("hf").toString(), "HF_ENDPOINT", "" + hub.endpoint()),
            dir);
    return new HubSettings(
        s.endpoint(),
        s.cache(),
        null,
        false,
        s.timeout(),
        new Backoff(2, Duration.ofMillis(1), Duration.ofMillis(1)));
  }

  private int tune(String... args) {
    out.reset();
    err.reset();
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(err, true, StandardCharsets.UTF_8);
    return Tune.execute(
        Wiring.of(
            Backends::installed,
            ComponentRegistry::installed,
            this::settings,
            new Terminal(to, InputStream.nullInputStream(), interactive)),
        args,
        to,
        errors);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8).strip();
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8).strip();
  }

  @Test
  void download_printsTheFolderAndWhatItFetches() throws IOException {
    assertEquals(0, tune("download", StandInHub.REPOSITORY), err());
    Path folder = Path.of(out());
    assertTrue(folder.startsWith(dir.resolve("hf/hub/models--acme--tiny/snapshots")), out());
    assertEquals(
        -1,
        Files.mismatch(
            run.model().resolve("model.safetensors"), folder.resolve("model.safetensors")));
    assertTrue(err().startsWith("acme/tiny: fetching 5 files, "), err());
    assertEquals(0, tune("download", StandInHub.REPOSITORY), err());
    assertEquals("", err());
  }

  @Test
  void download_dataset_intoItsPlaceInTheCache() {
    hub.dataset("acme/rows");
    assertEquals(0, tune("download", "acme/rows", "--repo-type", "dataset"), err());
    assertTrue(out().startsWith(dir.resolve("hf/hub/datasets--acme--rows/snapshots") + "/"), out());
    assertEquals(2, tune("download", "acme/rows", "--repo-type", "space"));
    assertEquals("tune: --repo-type is 'space', expected model or dataset", err());
  }

  @Test
  void download_asTorchtuneTakesIt_intoAFolder() {
    Path own = dir.resolve("own");
    interactive = true;
    assertEquals(
        0,
        tune(
            "download",
            StandInHub.REPOSITORY,
            "--output-dir",
            own.toString(),
            "--hf-token",
            "t",
            "--ignore-patterns",
            "*.jinja",
            "--source",
            "huggingface"),
        err());
    assertEquals(own.toString(), out());
    assertTrue(Files.exists(own.resolve("config.json")));
    assertFalse(Files.exists(own.resolve("chat_template.jinja")));
    assertTrue(err().contains("100% [##############################] "), err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a/b/c | 2 | tune: 'a/b/c' is not a repository name; expected OWNER/NAME, as in"
            + " HuggingFaceTB/SmolLM2-135M-Instruct",
        "acme/none | 1 | tune: acme/none is not at HUB, or is private; check the name, or set"
            + " HF_TOKEN to a token that may see it",
        "acme/tiny --revision v9 | 2 | tune: acme/tiny has no revision 'v9'; its branches and tags"
            + " are listed at HUB/acme/tiny/tree/main",
        "acme/tiny --source kaggle | 2 | tune: --source is 'kaggle', only huggingface is supported;"
            + " download it by hand",
        "acme/tiny --max-workers 0 | 2 | tune: --max-workers is 0, expected 1 or more",
      })
  void download_mistakes_areSaidInALine(String arguments, int code, String text) {
    assertEquals(code, tune(("download " + arguments).split(" ")), err());
    assertEquals(text.replace("HUB", hub.endpoint().toString()), err());
  }

  @Test
  void generate_modelNamedByItsRepository_isFetchedOnce() {
    String[] command = {
      "generate",
      "--model",
      "acme/tiny",
      "--dtype",
      "fp32",
      "--prompt",
      "ab",
      "--max-new-tokens",
      "4"
    };
    assertEquals(0, tune(command), err());
    assertTrue(err().startsWith("acme/tiny: fetching 5 files"), err());
    String said = out();
    hub.close();
    assertEquals(0, tune(command), err());
    assertEquals(said, out());
  }

  @Test
  void run_checkpointNamedByItsRepository_trainsAndNamesItInTheAdapter() throws IOException {
    assertEquals(
        0,
        tune(
            run.command(
                "checkpointer.checkpoint_dir=acme/tiny",
                "tokenizer.path=acme/tiny",
                "epochs=1",
                "save_adapter_weights_only=true")),
        err());
    assertEquals(
        "acme/tiny",
        new ObjectMapper()
            .readTree(run.out().resolve("epoch_0/adapter_config.json").toFile())
            .path("base_model_name_or_path")
            .asText());
  }

  @Test
  void run_repositoryThatIsNotThere_saysSo() {
    assertEquals(1, tune(run.command("checkpointer.checkpoint_dir=acme/none")));
    assertTrue(err().startsWith("tune: acme/none is not at http://127.0.0.1:"), err());
  }
}
