package org.tune4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.Tune;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.spi.Backends;
import org.tune4j.wiring.Wiring;

/** {@code tune plot} and {@code tune dashboard}. */
class CompareRunsTest {
  @TempDir Path dir;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void write() throws IOException {
    for (String name : List.of("a", "b")) {
      Path logs = Files.createDirectories(dir.resolve("out").resolve(name).resolve("logs"));
      Files.writeString(
          logs.resolve("metrics.jsonl"),
          "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2.5}\n{\"step\":3,\"lo");
    }
    Files.createDirectories(dir.resolve("empty"));
  }

  private int tune(Object... args) {
    PrintStream so = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream se = new PrintStream(err, true, StandardCharsets.UTF_8);
    return Tune.execute(
        Wiring.of(
            () -> new Backends(List.of()),
            () -> new ComponentRegistry(List.of()),
            new Terminal(so, false)),
        List.of(args).stream().map(Object::toString).toArray(String[]::new),
        so,
        se);
  }

  private String text(ByteArrayOutputStream from) {
    return from.toString(StandardCharsets.UTF_8).replace(dir.toString(), "DIR");
  }

  private void fails(int code, String text, Object... args) {
    assertEquals(code, tune(args), text(out) + text(err));
    assertEquals(text + "\n", text(err));
    assertEquals("", text(out));
  }

  @Test
  void plot_drawsAllRuns() {
    Path file = dir.resolve("c.png");
    assertEquals(0, tune("plot", dir.resolve("out"), "-o", file, "--x", "SECONDS"), text(err));
    assertEquals("a: step 2, loss 2.50000\nb: step 2, loss 2.50000\ndrew DIR/c.png\n", text(out));
    assertTrue(Files.exists(file));
  }

  @Test
  void plot_ofAFolderWithoutRuns_fails() {
    fails(
        1,
        "tune: there is no run in DIR/empty: no logs/metrics.jsonl in it or beneath it",
        "plot",
        dir.resolve("empty"),
        dir.resolve("out"),
        "-o",
        "c.png");
  }

  @Test
  void plot_ofNoFolder_fails() {
    fails(
        2,
        "tune: there is no folder DIR/no; name the folders of runs",
        "plot",
        dir.resolve("no"),
        "-o",
        "c.png");
  }

  @Test
  void plot_intoAnotherFormat_fails() {
    fails(
        2,
        "tune: -o is c.svg, expected a name that ends in .png; SVG is exported by tune dashboard",
        "plot",
        dir.resolve("out"),
        "-o",
        "c.svg");
  }

  @Test
  void plot_smoothedTooMuch_fails() {
    fails(
        2,
        "tune: --smoothing is 1.0, expected 0 to below 1",
        "plot",
        dir.resolve("out"),
        "-o",
        "c.png",
        "--smoothing",
        "1");
  }

  @Test
  void plot_ofAnUnknownMetric_fails() {
    fails(
        1,
        "tune: no run has the metric 'accuracy'; there are loss",
        "plot",
        dir.resolve("out"),
        "-o",
        dir.resolve("c.png"),
        "--metric",
        "accuracy");
  }

  @Test
  void dashboard_onATakenPort_fails() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      int port = taken.getLocalPort();
      fails(
          1,
          "tune: cannot listen on port %d of 127.0.0.1: Address already in use; choose another"
                  .formatted(port)
              + " with --port, or 0 for any",
          "dashboard",
          dir.resolve("out"),
          "--port",
          port);
    }
  }

  @Test
  void dashboard_onNoPort_fails() {
    fails(2, "tune: --port is 70000, expected 0 to 65535", "dashboard", "--port", 70000);
  }

  @Test
  @Timeout(600)
  void dashboard_servesUntilItIsEnded() throws Exception {
    Thread command =
        new Thread(() -> tune("dashboard", dir.resolve("out"), dir.resolve("empty"), "--port", 0));
    command.start();
    Matcher address = Pattern.compile("2 runs on (http://127.0.0.1:\\d+/) until").matcher("");
    while (!address.reset(text(out)).find()) {
      assertTrue(command.isAlive(), text(err));
      Thread.sleep(20);
    }
    assertTrue(
        text(out)
            .startsWith("there is no run in DIR/empty yet: no logs/metrics.jsonl in it or beneath"),
        text(out));
    URI runs = URI.create(address.group(1) + "api/runs");
    HttpClient client = HttpClient.newHttpClient();
    assertTrue(
        client
            .send(HttpRequest.newBuilder(runs).build(), BodyHandlers.ofString())
            .body()
            .contains("\"loss\":2.5"));
    command.interrupt();
    command.join();
  }
}
