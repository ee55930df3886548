package org.tune4j.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.hub.StandInHub.Fault;

/** Fetching from a hub on loopback that does everything wrong that a network can. */
class HubTest {
  private static final String WEIGHTS = "model.safetensors";
  private static final Repository TINY = Repository.parse(StandInHub.REPOSITORY);

  /** Reached by a transfer that stands still, and by any on a machine that is slow enough. */
  private static final Duration SHORT = Duration.ofSeconds(5);

  private static final Backoff QUICK = new Backoff(3, Duration.ofMillis(5), Duration.ofMillis(20));

  @TempDir Path home;
  private StandInHub hub;
  private final List<String> retries = new CopyOnWriteArrayList<>();
  private final AtomicLong received = new AtomicLong();
  private final AtomicLong begun = new AtomicLong(-1);
  private final TransferListener listener =
      new TransferListener() {
        @Override
        public void begun(int files, long bytes, long there) {
          begun.set(bytes);
          received.addAndGet(there);
        }

        @Override
        public void transferred(long bytes) {
          received.addAndGet(bytes);
        }

        @Override
        public void retried(String file, String why, Duration wait) {
          retries.add(file + ": " + why);
        }
      };

  @BeforeEach
  void start() throws IOException {
    byte[] weights = new byte[300_000];
    new Random(7).nextBytes(weights);
    hub =
        new StandInHub()
            .file("config.json", "{}".getBytes(StandardCharsets.UTF_8))
            .file("tokenizer.json", "{\"a\": 1}".getBytes(StandardCharsets.UTF_8))
            .file(WEIGHTS, weights)
            .file("pytorch_model.bin", new byte[9])
            .file("onnx/model.onnx", new byte[9])
            .file("notes/empty file.txt", new byte[0]);
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private HubSettings settings(String... more) {
    Map<String, String> environment = new java.util.HashMap<>();
    environment.put("HF_HOME", home.toString());
    environment.put("HF_ENDPOINT", hub.endpoint() + "/");
    for (int i = 0; i < more.length; i += 2) {
      environment.put(more[i], more[i + 1]);
    }
    HubSettings s = HubSettings.of(environment, home);
    return new HubSettings(
        s.endpoint(), s.cache(), s.token(), s.offline(), Duration.ofMinutes(5), QUICK);
  }

  /** With a limit that a transfer which stands still reaches. */
  private HubSettings within(Duration timeout) {
    HubSettings s = settings();
    return new HubSettings(s.endpoint(), s.cache(), s.token(), s.offline(), timeout, QUICK);
  }

  private Path download(HubSettings settings) {
    return new Hub(settings).download(TINY, FileSelection.ALL, 4, listener);
  }

  private Path repository() {
    return home.resolve("hub/models--acme--tiny");
  }

  private void assertWhole(Path folder) throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", WEIGHTS, "notes/empty file.txt")) {
      assertArrayEquals(hub.content(name), Files.readAllBytes(folder.resolve(name)), name);
    }
    try (Stream<Path> left = Files.walk(home)) {
      assertEquals(List.of(), left.filter(p -> p.toString().endsWith(".incomplete")).toList());
    }
    assertEquals(begun.get(), received.get());
  }

  @Test
  void download_intoTheCache_isLaidOutAsPythons() throws IOException {
    Path folder = download(settings());
    assertEquals(repository().resolve("snapshots/" + StandInHub.COMMIT), folder);
    assertWhole(folder);
    assertEquals(StandInHub.COMMIT, Files.readString(repository().resolve("refs/main")));
    Path link = Files.readSymbolicLink(folder.resolve(WEIGHTS));
    assertTrue(link.toString().matches("\\.\\./\\.\\./blobs/[0-9a-f]{64}"), link.toString());
    Path nested = Files.readSymbolicLink(folder.resolve("notes/empty file.txt"));
    // git's hash of nothing
    assertEquals("../../../blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", nested.toString());
    assertFalse(Files.exists(folder.resolve("pytorch_model.bin")));
    assertFalse(Files.exists(folder.resolve("onnx")));
    assertEquals(List.of(), retries);
  }

  @Test
  void download_dataset_hasAddressesAndAFolderOfItsOwn() throws IOException {
    hub.dataset("acme/rows").file("data/train.parquet", new byte[] {1, 2});
    Repository rows = new Repository("acme/rows", "main", Repository.Type.DATASET);
    FileSelection data = new FileSelection(List.of("data/*"), List.of(), false);
    Path folder = new Hub(settings()).download(rows, data, 4, listener);
    assertEquals(home.resolve("hub/datasets--acme--rows/snapshots/" + StandInHub.COMMIT), folder);
    assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(folder.resolve("data/train.parquet")));
    assertEquals(
        List.of(
            "/api/datasets/acme/rows/revision/main",
            "/datasets/acme/rows/resolve/" + StandInHub.COMMIT + "/data/train.parquet"),
        paths().stream().distinct().toList());
    assertEquals(
        "acme/rows is not at %s, or is private; check the name, or set HF_TOKEN to a token that may see it"
            .formatted(hub.endpoint()),
        assertThrows(
                InputException.class,
                () ->
                    new Hub(settings()).download(Repository.parse("acme/rows"), data, 4, listener))
            .getMessage());
  }

  @Test
  void download_again_fetchesNothing() throws IOException {
    download(settings());
    hub.seen.clear();
    download(settings());
    assertEquals(List.of("/api/models/acme/tiny/revision/main"), paths());
  }

  private List<String> paths() {
    return hub.seen.stream().map(StandInHub.Seen::path).toList();
  }

  @Test
  void model_thatIsWhole_isUsedWithoutTheNetwork() throws IOException {
    Hub online = new Hub(settings());
    assertEquals(Optional.empty(), online.cached(TINY));
    Path folder = online.model(TINY, 2, listener);
    assertFalse(Files.exists(folder.resolve("notes")), "not what a model is loaded from");
    hub.close();
    Hub offline = new Hub(settings("HF_HUB_OFFLINE", "1"));
    assertEquals(folder, offline.model(TINY, 2, listener));
    assertEquals(
        Optional.of(folder), offline.cached(Repository.parse("acme/tiny@" + StandInHub.COMMIT)));
    Files.delete(folder.resolve(WEIGHTS));
    assertEquals(Optional.empty(), offline.cached(TINY));
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> offline.model(TINY, 2, listener));
    assertTrue(
        e.getMessage().startsWith("acme/tiny is not in the cache " + home)
            && e.getMessage().contains("HF_HUB_OFFLINE forbids the network"),
        e.getMessage());
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void download_oneFault_isTriedAgainAndWhole(Fault fault) throws IOException {
    boolean needsRange = fault == Fault.NO_RANGES || fault == Fault.NOT_SATISFIABLE;
    hub.fault(WEIGHTS, needsRange ? new Fault[] {Fault.DROP, fault} : new Fault[] {fault});
    int expected = fault == Fault.NOT_SATISFIABLE ? 2 : 1;
    if (fault == Fault.STALL) {
      assertWhole(download(within(SHORT)));
      assertTrue(retries.size() >= expected, retries.toString()); // more where this machine is slow
    } else {
      assertWhole(download(settings()));
      assertEquals(expected, retries.size(), retries.toString());
    }
  }

  @Test
  void download_brokenInTheMiddle_goesOnFromThere() throws IOException {
    hub.fault(WEIGHTS, Fault.DROP, Fault.STALL, Fault.DROP, Fault.DROP, Fault.DROP);
    assertWhole(download(within(SHORT)));
    List<Long> ranges =
        hub.seen.stream()
            .filter(StandInHub.Seen::cdn)
            .filter(s -> !s.range().equals("null"))
            .map(s -> Long.parseLong(s.range().replaceAll("\\D", "")))
            .toList();
    assertTrue(ranges.size() >= 5, ranges.toString()); // more where this machine is slow
    assertTrue(ranges.get(0) > 0 && ranges.get(0) <= 150_000, ranges.toString());
    for (int i = 1; i < ranges.size(); i++) {
      assertTrue(ranges.get(i) >= ranges.get(i - 1), ranges.toString());
    }
  }

  @Test
  void download_partOfAnEarlierOne_isGoneOnFrom() throws IOException {
    Path folder = download(settings());
    Path blob = folder.resolve(WEIGHTS).toRealPath();
    byte[] whole = Files.readAllBytes(blob);
    Files.delete(folder.resolve(WEIGHTS));
    Files.delete(blob);
    Path partial = blob.resolveSibling(blob.getFileName() + ".incomplete");
    Files.write(partial, Arrays.copyOf(whole, 100_000));
    hub.seen.clear();
    received.set(0);
    assertWhole(download(settings()));
    assertEquals(
        "bytes=100000-",
        hub.seen.stream().filter(StandInHub.Seen::cdn).findFirst().orElseThrow().range());

    // Of another content: thrown away and fetched anew.
    Files.delete(folder.resolve(WEIGHTS));
    Files.delete(blob);
    Files.write(partial, new byte[200_000]);
    received.set(0);
    assertWhole(download(settings()));
    assertEquals(List.of(WEIGHTS + ": what came is not the file"), retries);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "CORRUPT | model.safetensors of acme/tiny comes with another hash than HUB says; try again"
            + " later, or check HF_ENDPOINT and proxies",
        "UNAVAILABLE | acme/tiny cannot be fetched from HUB (HUB answers with 503); check the"
            + " network, HTTPS_PROXY or HF_ENDPOINT, and run it again to continue",
        "THROTTLE | acme/tiny cannot be fetched from HUB (HUB answers with 429); check the network,"
            + " HTTPS_PROXY or HF_ENDPOINT, and run it again to continue",
      })
  void download_sameFaultForever_givesUpInWords(Fault fault, String text) {
    hub.fault(WEIGHTS, fault, fault, fault, fault);
    TuneException e = assertThrows(TuneException.class, () -> download(settings()));
    assertEquals(text.replace("HUB", hub.endpoint().toString()), e.getMessage());
    assertFalse(Files.exists(repository().resolve("refs/main")), "no revision is half there");
  }

  @Test
  void download_withAToken_showsItToTheHubAlone() {
    hub.wantedToken = "hf_secret";
    download(settings("HF_TOKEN", " hf_secret\n"));
    for (StandInHub.Seen s : hub.seen) {
      assertEquals(s.cdn() ? "null" : "Bearer hf_secret", s.authorization(), s.toString());
    }
    assertTrue(hub.seen.stream().anyMatch(StandInHub.Seen::cdn));
  }

  @Test
  void settings_tokenOfAFile_andItsPlace() throws IOException {
    Files.writeString(home.resolve("token"), "hf_file\n");
    assertEquals("hf_file", settings().token());
    assertEquals("hf_own", settings().withToken("hf_own").token());
    Path other = Files.writeString(home.resolve("other"), "hf_other");
    assertEquals("hf_other", settings("HF_TOKEN_PATH", other.toString()).token());
    assertEquals("hf_env", settings("HF_TOKEN", "hf_env").token());
    assertFalse(settings().toString().contains("hf_file"), "a token is not printed");
    assertEquals(Path.of("/x/hub"), HubSettings.of(Map.of("HF_HOME", "/x"), home).cache());
    assertEquals(home.resolve(".cache/huggingface/hub"), HubSettings.of(Map.of(), home).cache());
    assertEquals(home.resolve("y"), HubSettings.of(Map.of("HF_HUB_CACHE", "~/y"), home).cache());
    assertEquals("https://huggingface.co", HubSettings.of(Map.of(), home).endpoint().toString());
  }

  @Test
  void download_refusals_sayWhatToDo() {
    hub.wantedToken = "right";
    refused(
        InputException.class,
        settings(),
        "acme/tiny is not at HUB, or is private; check the name, or set HF_TOKEN to a token that"
            + " may see it");
    refused(
        InputException.class,
        settings("HF_TOKEN", "wrong"),
        "HUB refuses acme/tiny with 401; the token is wrong, expired, or may not read it: make one"
            + " at HUB/settings/tokens");
    hub.gated = true;
    refused(
        InputException.class,
        settings(),
        "acme/tiny is gated: ask for access at HUB/acme/tiny, and set HF_TOKEN, or --hf-token, to a"
            + " token from HUB/settings/tokens");
    refused(
        InputException.class,
        settings("HF_TOKEN", "right"),
        "acme/tiny is gated: ask for access at HUB/acme/tiny, and check that the token is of the"
            + " account that has it and may read gated repositories");
    assertEquals(List.of(), retries, "nothing of this passes by waiting");
  }

  private void refused(Class<? extends TuneException> kind, HubSettings settings, String text) {
    TuneException e = assertThrows(kind, () -> download(settings));
    assertEquals(text.replace("HUB", hub.endpoint().toString()), e.getMessage());
  }

  @Test
  void download_missingRepositoryRevisionOrFile_saysWhichAndWhere() {
    Hub client = new Hub(settings());
    InputException e =
        assertThrows(
            InputException.class,
            () -> client.download(Repository.parse("acme/none"), FileSelection.ALL, 1, listener));
    assertTrue(e.getMessage().startsWith("acme/none is not at http://"), e.getMessage());
    UsageException r =
        assertThrows(
            UsageException.class,
            () ->
                client.download(Repository.parse("acme/tiny@v9"), FileSelection.ALL, 1, listener));
    assertTrue(r.getMessage().startsWith("acme/tiny has no revision 'v9'; its"), r.getMessage());
    UsageException f =
        assertThrows(
            UsageException.class,
            () ->
                client.download(
                    TINY, new FileSelection(List.of("*.gguf"), List.of(), true), 1, listener));
    assertEquals(
        "acme/tiny has none of the requested files; it has config.json, model.safetensors,"
            + " notes/empty file.txt, onnx/model.onnx, pytorch_model.bin, tokenizer.json",
        f.getMessage());
  }

  @Test
  void download_revisionWithSlashes_andRenamedRepository() throws IOException {
    hub.renamedFrom = "old/name";
    Path folder =
        new Hub(settings())
            .download(Repository.parse("old/name@refs/pr/1"), FileSelection.ALL, 2, listener);
    assertWhole(folder);
    assertEquals(
        StandInHub.COMMIT, Files.readString(home.resolve("hub/models--old--name/refs/refs/pr/1")));
  }

  @Test
  void download_noHubThere_saysSo() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    HubSettings s = settings();
    HubSettings nowhere =
        new HubSettings(
            URI.create("http://127.0.0.1:" + port), s.cache(), null, false, s.timeout(), QUICK);
    EnvironmentException e = assertThrows(EnvironmentException.class, () -> download(nowhere));
    assertEquals(
        "acme/tiny cannot be fetched from http://127.0.0.1:%d (no connection); check the network, HTTPS_PROXY or HF_ENDPOINT, and run it again to continue"
            .formatted(port),
        e.getMessage());
    assertEquals(2, retries.size());
  }

  @Test
  void download_moreThanTheDiskHolds_isRefusedBeforeAnythingIsFetched() {
    hub.claimedSize = 1L << 50;
    EnvironmentException e = assertThrows(EnvironmentException.class, () -> download(settings()));
    assertTrue(
        e.getMessage()
            .matches(
                "1125899906 MB are missing of .* and \\d+ MB are free; free space, or choose"
                    + " another folder with HF_HOME or --output-dir"),
        e.getMessage());
    assertEquals(0, hub.seen.stream().filter(s -> s.method().equals("GET") && s.cdn()).count());
  }

  @Test
  void download_folderThatCannotBeWritten_saysSo() throws IOException {
    Path file = Files.createFile(home.resolve("file"));
    EnvironmentException e =
        assertThrows(
            EnvironmentException.class, () -> download(settings("HF_HUB_CACHE", file.toString())));
    assertTrue(e.getMessage().contains(" cannot be written to: "), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"../evil", "/etc/evil", "a/../../evil", "a\\\\b", "a//b", "."})
  void download_unsafeName_isRefusedBeforeAnythingIsWritten(String name) {
    hub.file(name, new byte[1]);
    InputException e = assertThrows(InputException.class, () -> download(settings()));
    assertTrue(e.getMessage().contains("a name that is not safe to write"), e.getMessage());
    assertFalse(Files.exists(home.resolve("hub")));
  }

  @Test
  void download_intoAFolder_replacesWhatIsWrongAndKeepsWhatIsRight(@TempDir Path own)
      throws IOException {
    Files.write(own.resolve("config.json"), hub.content("config.json"));
    Files.write(own.resolve(WEIGHTS), new byte[300_000]);
    Hub client = new Hub(settings());
    assertEquals(own, client.download(TINY, FileSelection.ALL, 3, listener, own));
    assertWhole(own);
    assertEquals(0, hub.requests("GET", "config.json"));
    assertFalse(Files.isSymbolicLink(own.resolve(WEIGHTS)));
    assertFalse(Files.exists(home.resolve("hub/models--acme--tiny/blobs")));
  }

  @Test
  void download_intoAFolder_copiesWhatTheCacheHolds(@TempDir Path own) throws IOException {
    download(settings());
    hub.seen.clear();
    received.set(0);
    new Hub(settings()).download(TINY, FileSelection.ALL, 3, listener, own.resolve("new"));
    assertWhole(own.resolve("new"));
    assertEquals(0, hub.seen.stream().filter(StandInHub.Seen::cdn).count());
  }

  @Test
  void download_sameRepositoryTwiceAtOnce_fetchesEachFileOnce() throws Exception {
    List<Thread> both =
        List.of(new Thread(() -> download(settings())), new Thread(() -> download(settings())));
    both.forEach(Thread::start);
    for (Thread t : both) {
      t.join();
    }
    assertEquals(1, hub.seen.stream().filter(s -> s.cdn() && s.method().equals("GET")).count());
  }

  @Test
  void selection_patterns_areTheHubs() {
    List<String> names = List.of("a.json", "b/c.json", "b/d.txt", "e1.txt", "e2.txt", "[x].md");
    assertEquals(List.of("a.json", "b/c.json"), select(names, List.of("*.json"), List.of()));
    assertEquals(
        List.of("a.json", "e1.txt", "e2.txt", "[x].md"), select(names, List.of(), List.of("b/")));
    assertEquals(List.of("e1.txt"), select(names, List.of("e[!2].txt"), List.of()));
    assertEquals(List.of("e1.txt", "e2.txt"), select(names, List.of("e?.txt"), List.of()));
    assertEquals(List.of("[x].md"), select(names, List.of("[[]x].md"), List.of()));
    assertEquals(List.of(), select(names, List.of("e[5-9].txt", "A.json"), List.of()));
  }

  @Test
  void selection_jars_areNeverTaken() {
    List<String> names = List.of("a.json", "helper.jar", "b/Other.JAR");
    assertEquals(List.of("a.json"), select(names, List.of(), List.of()));
    assertEquals(List.of("a.json"), select(names, List.of("*.jar", "*"), List.of()));
  }

  private static List<String> select(List<String> names, List<String> in, List<String> out) {
    return new FileSelection(in, out, true).of(names);
  }

  @Test
  void repository_names_areChecked() {
    assertEquals(
        "'a/b/c' is not a repository name; expected OWNER/NAME, as in"
            + " HuggingFaceTB/SmolLM2-135M-Instruct",
        assertThrows(UsageException.class, () -> Repository.parse("a/b/c")).getMessage());
    for (String bad : List.of("", "a/", "/a", "../a", "a--b/c", "a/b c", "a/b@", "a/b@../c")) {
      assertThrows(UsageException.class, () -> Repository.parse(bad), bad);
    }
    assertEquals("gpt2", Repository.parse("gpt2").name());
    assertEquals(
        Optional.of(Repository.parse("acme/tiny@abc")),
        Repository.ofSnapshot(Path.of("/c/models--acme--tiny/snapshots/abc/")));
  }

  @Test
  void repository_insteadOfAFolder_neverOfAMistypedPath() {
    assertEquals(Optional.of(TINY), Repository.insteadOf(Path.of("acme/tiny")));
    for (String path : List.of("src/mian", "/acme/tiny", "./tiny", "../tiny", "tiny", "a/b/c")) {
      assertEquals(Optional.empty(), Repository.insteadOf(Path.of(path)), path);
    }
  }

  @Test
  void proxies_ofTheEnvironment_butForExemptHosts() {
    EnvironmentProxies proxies =
        new EnvironmentProxies(
            Map.of("https_proxy", "http://proxy:3128", "NO_PROXY", "localhost, .inner.org"), null);
    assertEquals(
        "[HTTP @ proxy/<unresolved>:3128]",
        proxies
            .select(URI.create("https://huggingface.co/a"))
            .toString()
            .replace("proxy:", "proxy/<unresolved>:"));
    for (String direct :
        List.of("http://huggingface.co", "https://localhost:1", "https://a.inner.org")) {
      assertEquals(List.of(java.net.Proxy.NO_PROXY), proxies.select(URI.create(direct)), direct);
    }
  }
}
