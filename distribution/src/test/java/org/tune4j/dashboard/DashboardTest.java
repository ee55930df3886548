package org.tune4j.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.curves.RunFolders;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
class DashboardTest {
  private static final String SECRET = "secret-of-another-folder";

  @TempDir Path dir;
  private Path metrics;
  private RunFolders folders;
  private Dashboard dashboard;
  private final HttpClient client = HttpClient.newHttpClient();

  @BeforeEach
  void start() throws IOException {
    metrics = run("a", "lora_rank: 8\nseed: 1\n", 3, 2, 1);
    run("b & c", "lora_rank: 32\nseed: 1\ntarget: x\n", 4, 2);
    Files.writeString(dir.resolve("secret"), SECRET);
    Path linked = run("linked", "", 1);
    Files.delete(linked.resolveSibling("../config.yaml").normalize());
    Files.createSymbolicLink(dir.resolve("out/linked/config.yaml"), dir.resolve("secret"));
    folders = RunFolders.open(List.of(dir.resolve("out")));
    dashboard = Dashboard.open(folders, null, 0);
  }

  @AfterEach
  void stop() {
    dashboard.close();
  }

  private Path run(String name, String config, int... losses) throws IOException {
    Path folder = Files.createDirectories(dir.resolve("out").resolve(name).resolve("logs"));
    Files.writeString(folder.resolve("../config.yaml"), config);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < losses.length; i++) {
      lines.append(line(i + 1, losses[i]));
    }
    return Files.writeString(folder.resolve("metrics.jsonl"), lines);
  }

  private static String line(int step, int loss) {
    return "{\"step\":%d,\"loss\":%d,\"tokens\":10,\"seconds\":0.5}\n".formatted(step, loss);
  }

  private HttpResponse<String> send(String method, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + dashboard.address().getPort() + path);
    return client.send(
        HttpRequest.newBuilder(uri).method(method, HttpRequest.BodyPublishers.noBody()).build(),
        BodyHandlers.ofString());
  }

  private JsonNode json(String path) throws Exception {
    HttpResponse<String> answer = send("GET", path);
    JsonNode body = new ObjectMapper().readTree(answer.body());
    assertEquals(200, answer.statusCode(), answer.body());
    return body;
  }

  private void refused(int status, String error, String path) throws Exception {
    HttpResponse<String> answer = send("GET", path);
    assertEquals(status, answer.statusCode());
    assertEquals(error, new ObjectMapper().readTree(answer.body()).get("error").asText());
  }

  /** What no well-behaved client sends: the bytes as they are, the whole answer as text. */
  private String raw(String request) throws IOException {
    return raw(new InetSocketAddress("127.0.0.1", dashboard.address().getPort()), request);
  }

  private static String raw(InetSocketAddress to, String request) throws IOException {
    try (Socket socket = new Socket(to.getAddress(), to.getPort())) {
      socket.setSoTimeout(120_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      socket.getOutputStream().flush();
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void page_isWhole_andMayLoadNothingFromElsewhere() throws Exception {
    HttpResponse<String> page = send("GET", "/");
    assertEquals("text/html; charset=utf-8", page.headers().firstValue("Content-Type").get());
    String policy = page.headers().firstValue("Content-Security-Policy").get();
    assertTrue(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
    assertFalse(policy.contains("unsafe") || policy.contains("http"), policy);
    List<String> paths = new ArrayList<>(List.of("/openapi.json"));
    java.util.regex.Matcher m =
        java.util.regex.Pattern.compile("(?:href|src|from)[= ]\"(/[^\"]+)\"")
            .matcher(page.body() + send("GET", "/chart.js").body());
    while (m.find()) {
      paths.add(m.group(1));
    }
    assertTrue(paths.contains("/uplot.js") && paths.contains("/palette.js"), paths.toString());
    for (String path : paths) {
      assertEquals(200, send("GET", path).statusCode(), path);
    }
  }

  @Test
  void runs_tellHowFarTheyAre() throws Exception {
    JsonNode runs = json("/api/runs").get("runs");
    assertEquals(3, runs.size());
    assertEquals(
        "{\"name\":\"a\",\"version\":1,\"rows\":3,\"step\":3,\"loss\":1,"
            + "\"metrics\":[\"loss\",\"tokens\",\"seconds\"],\"notes\":[]}",
        runs.get(0).toString());
    assertEquals("b & c", runs.get(1).get("name").asText());
  }

  @Test
  void curves_ofChosenRuns_overAnAxis() throws Exception {
    json("/api/runs");
    assertEquals(
        "{\"x\":[1,2,3],\"raw\":[[4,2,null],[3,2,1]]}",
        json("/api/curves?metric=loss&run=b+%26+c&run=a").toString());
    assertEquals(
        "{\"x\":[0.5,1],\"raw\":[[4,2]],\"smooth\":[[4,2.6666667]]}",
        json("/api/curves?metric=loss&run=b+%26+c&x=seconds&smoothing=0.5").toString());
    assertEquals(
        "{\"x\":[20,30],\"raw\":[[2,1]]}",
        json("/api/curves?metric=loss&run=a&x=tokens&from=30&to=25&points=10").toString());
  }

  @Test
  void runs_followTheFiles() throws Exception {
    json("/api/runs");
    Files.writeString(metrics, line(4, 7) + "{\"step\":5,", StandardOpenOption.APPEND);
    JsonNode a = json("/api/runs").get("runs").get(0);
    assertEquals(4, a.get("step").asInt());
    assertEquals(2, a.get("version").asInt());
    assertEquals("[[3,2,1,7]]", json("/api/curves?metric=loss&run=a").get("raw").toString());
  }

  @Test
  void configs_areComparedKeyByKey_linksAreNotRead() throws Exception {
    JsonNode configs = json("/api/configs");
    assertEquals("[\"a\",\"b & c\",\"linked\"]", configs.get("runs").toString());
    assertEquals(
        "[{\"key\":\"lora_rank\",\"values\":[\"8\",\"32\",null]},"
            + "{\"key\":\"seed\",\"values\":[\"1\",\"1\",null]},"
            + "{\"key\":\"target\",\"values\":[null,\"x\",null]}]",
        configs.get("keys").toString());
  }

  @Test
  void csv_hasEveryPoint() throws Exception {
    json("/api/runs");
    HttpResponse<String> csv = send("GET", "/api/csv?metric=loss&run=b+%26+c");
    assertEquals(
        "run,step,tokens,seconds,loss\r\n\"b & c\",1,10,0.5,4.0\r\n\"b & c\",2,20,1.0,2.0\r\n",
        csv.body());
    assertEquals(
        "run,step,tokens,seconds,\"'=HYPERLINK(\"\"x\"\")\"\r\n",
        send("GET", "/api/csv?metric=%3DHYPERLINK(%22x%22)").body());
    assertEquals(
        "run,step,tokens,seconds,\"'=1+1\n\"\r\n",
        send("GET", "/api/csv?metric=%3D1%2B1%0A").body());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/out/a/logs/metrics.jsonl",
        "//etc/passwd",
        "/a/../../etc/passwd",
        "/index.html/../../secret",
        "/dashboard.css%00",
        "/.",
        "/org/tune4j/dashboard/index.html",
        "/etc/passwd",
        "/api/runs/",
        "/api/%72uns"
      })
  void path_thatIsNotInThePagesTable_isNotThere(String path) throws Exception {
    String answer =
        raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assertTrue(answer.matches("(?s)HTTP/1.1 (404|400) .*"), answer);
    assertFalse(answer.contains(SECRET) || answer.contains("root:"), answer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../secret", "/etc/passwd", "a/../../secret", "a/logs/metrics.jsonl", ""})
  void run_isAName_neverAPath(String name) throws Exception {
    refused(404, "there is no run '" + name + "'", "/api/csv?metric=loss&run=" + name);
    refused(404, "there is no run '" + name + "'", "/api/curves?metric=loss&run=" + name);
  }

  @Test
  void link_toAnotherFoldersFile_isNeverServed() throws Exception {
    for (String path : List.of("/api/configs", "/api/runs", "/api/csv?metric=loss")) {
      assertFalse(send("GET", path).body().contains(SECRET), path);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/api/curves | metric is missing",
        "/api/curves?metric=a&metric=b | metric is given 2 times, expected once",
        "/api/curves?metric=a&x=minutes | x is 'minutes', expected one of [step, tokens, seconds]",
        "/api/curves?metric=a&smoothing=1 | smoothing is '1', expected a number from 0.0 to 0.9999",
        "/api/curves?metric=a&points=NaN | points is 'NaN', expected a number from 1.0 to 5000.0",
        "/api/curves?metric=%zz | '%zz' is not an address's encoding",
        "/api/runs?file=x | there is no parameter 'file'; there are none",
        "/api/csv?metric=a&path=x | there is no parameter 'path'; there are metric, run"
      })
  void query_thatIsWrong_isRefusedInALine(String path, String error) throws Exception {
    if (path.contains("%zz")) { // no Java client sends it
      String answer =
          raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assertTrue(answer.startsWith("HTTP/1.1 400"), answer);
      return;
    }
    refused(400, error, path);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"})
  void method_thatWrites_isRefused(String method) throws Exception {
    HttpResponse<String> answer = send(method, "/api/runs");
    assertEquals(405, answer.statusCode());
    assertEquals("GET, HEAD", answer.headers().firstValue("Allow").get());
  }

  @Test
  void head_hasTheHeadersOnly() throws Exception {
    for (String path : List.of("/", "/api/runs", "/api/csv?metric=loss")) {
      HttpResponse<String> answer = send("HEAD", path);
      assertEquals(200, answer.statusCode(), path);
      assertEquals("", answer.body());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:80, 200",
    "localhost, 200",
    "LOCALHOST:7007, 200",
    "[::1]:7007, 200",
    "rebound.example.com, 403",
    "rebound.example.com:7007, 403",
    "127.0.0.1.example.com, 403",
    "localhost.example.com, 403",
    "192.168.0.7:7007, 403",
    "0.0.0.0, 403",
    "'', 403"
  })
  void host_thatIsNotLoopback_isRefused(String host, int status) throws Exception {
    String request = "GET /api/runs HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    String answer = raw(request);
    assertTrue(answer.startsWith("HTTP/1.1 " + status), answer);
    assertEquals(status == 200, answer.contains("\"runs\""), answer);
  }

  @Test
  void host_missingOrTwice_isRefused() throws Exception {
    assertTrue(raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startsWith("HTTP/1.1 403"));
    assertTrue(
        raw("GET / HTTP/1.1\r\nHost: localhost\r\nHost: a.example.com\r\nConnection: close\r\n\r\n")
            .startsWith("HTTP/1.1 403"));
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, rebound.example.com, 403",
    "127.0.0.1, localhost, 200",
    "127.0.0.2, 127.0.0.2:7007, 200",
    "127.0.0.2, rebound.example.com:7007, 403",
    "localhost, rebound.example.com, 403",
    "localhost, localhost:80, 200"
  })
  void host_loopbackThatWasAskedFor_answersItsOwnNamesOnly(String asked, String host, int status)
      throws Exception {
    try (Dashboard other = Dashboard.open(folders, asked, 0)) {
      String answer =
          raw(
              other.address(),
              "GET /api/runs HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
      assertTrue(answer.startsWith("HTTP/1.1 " + status), answer);
    }
  }

  @Test
  void host_thatWasAskedFor_answersEveryName() throws Exception {
    dashboard.close();
    dashboard = Dashboard.open(folders, "0.0.0.0", 0);
    String answer =
        raw("GET /api/runs HTTP/1.1\r\nHost: machine.lan:7007\r\nConnection: close\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
  }

  @Test
  void open_onATakenPort_says() {
    int port = dashboard.address().getPort();
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> Dashboard.open(folders, null, port));
    assertEquals(
        "cannot listen on port %d of 127.0.0.1: Address already in use; choose another with --port, or 0 for any"
            .formatted(port),
        e.getMessage());
  }

  @Test
  void open_onAnUnknownHost_says() {
    UsageException e =
        assertThrows(UsageException.class, () -> Dashboard.open(folders, "no such host", 0));
    assertEquals("there is no host 'no such host' to listen on", e.getMessage());
  }

  @Test
  void halfSentRequests_holdUpNoOther() throws Exception {
    List<Socket> slow = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Socket socket = new Socket("127.0.0.1", dashboard.address().getPort());
      socket
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: loc".getBytes(StandardCharsets.UTF_8));
      slow.add(socket);
    }
    Thread.sleep(200);
    assertTimeoutPreemptively(Duration.ofMinutes(2), () -> json("/api/runs"));
    for (Socket socket : slow) {
      socket.close();
    }
  }

  @Test
  void manyClients_areAllAnsweredRight() throws Exception {
    json("/api/runs");
    URI uri =
        URI.create(
            "http://127.0.0.1:" + dashboard.address().getPort() + "/api/curves?metric=loss&run=a");
    List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      all.add(
          HttpClient.newHttpClient()
              .sendAsync(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()));
    }
    for (CompletableFuture<HttpResponse<String>> answer : all) {
      assertEquals("{\"x\":[1,2,3],\"raw\":[[3,2,1]]}", answer.get().body());
    }
  }
}
