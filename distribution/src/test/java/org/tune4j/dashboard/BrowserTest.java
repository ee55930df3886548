package org.tune4j.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.curves.RunFolders;

/**
 * The page as a headless Chromium draws it; skipped where there is none. {@code
 * src/test/python/dashboard_browser.py} tries zoom, keys, exports and a run that trains.
 */
@Timeout(120)
class BrowserTest {
  @TempDir Path dir;

  private static Optional<String> chromium() {
    return Stream.of("chromium", "chromium-browser", "google-chrome")
        .flatMap(
            name ->
                Stream.of(System.getenv("PATH").split(File.pathSeparator))
                    .map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }

  private void run(String name, int rank) throws IOException {
    Path logs = Files.createDirectories(dir.resolve("out").resolve(name).resolve("logs"));
    StringBuilder lines = new StringBuilder();
    for (int step = 1; step <= 50; step++) {
      lines.append(
          "{\"step\":%d,\"loss\":%s,\"lr\":1e-4,\"tokens\":10,\"seconds\":0.5%s}\n"
              .formatted(step, 4.0 / step, step % 10 == 0 ? ",\"val_loss\":1.5" : ""));
    }
    Files.writeString(logs.resolve("metrics.jsonl"), lines);
    Files.writeString(logs.resolve("../config.yaml"), "lora_rank: " + rank + "\nseed: 1\n");
  }

  private String dom(String browser, String address) throws Exception {
    Path out = dir.resolve("dom.html");
    Process p =
        new ProcessBuilder(
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--user-data-dir=" + dir.resolve("profile"),
                "--virtual-time-budget=6000",
                "--enable-logging=stderr",
                "--dump-dom",
                address)
            .redirectOutput(out.toFile())
            .redirectError(dir.resolve("log").toFile())
            .start();
    try {
      assertTrue(p.waitFor(5, TimeUnit.MINUTES), "chromium does not end");
    } finally {
      p.destroyForcibly();
    }
    String log = Files.readString(dir.resolve("log"), StandardCharsets.ISO_8859_1);
    assertFalse(log.contains("CONSOLE"), log);
    return Files.readString(out);
  }

  private static int count(String pattern, String text) {
    Matcher m = Pattern.compile(pattern).matcher(text);
    return (int) m.results().count();
  }

  @Test
  void page_drawsEveryCurve_andComparesTheConfigs() throws Exception {
    Optional<String> browser = chromium();
    assumeTrue(browser.isPresent(), "no chromium on the PATH: the page is not looked at");
    run("<b>rank 8</b>", 8);
    run("rank32", 32);
    RunFolders folders = RunFolders.open(List.of(dir.resolve("out")));
    try (Dashboard dashboard = Dashboard.open(folders, null, 0)) {
      String address = "http://127.0.0.1:" + dashboard.address().getPort() + "/#x=tokens&log=";
      String dom = dom(browser.get(), address);
      assertEquals(2, count("<figure", dom), dom);
      assertEquals(2, count("<canvas", dom), dom);
      assertTrue(
          dom.contains("Loss over tokens; last values: &lt;b&gt;rank 8&lt;/b&gt; 0.")
              || dom.contains("Loss over tokens; last values: <b>rank 8</b> 0."),
          dom);
      assertTrue(dom.contains("2 of 2"), dom);
      assertTrue(dom.matches("(?s).*<td class=\"\">8</td><td class=\"changed\">32</td>.*"), dom);
      assertEquals(0, count("<b>rank 8", dom.replaceAll("aria-label=\"[^\"]*\"", "")), dom);
      assertFalse(dom.contains("seed"), "what is equal is not listed");
    }
  }
}
