package org.tune4j.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A hub on loopback: small files from the hub itself, safetensors by a redirect to another host, as
 * the real one does; and everything that goes wrong between.
 */
public final class StandInHub implements AutoCloseable {
  /** What goes wrong with the next request of a file. */
  enum Fault {
    /** The connection breaks in the middle. */
    DROP,
    /** Half comes, then nothing, and the connection stays. */
    STALL,
    /** Half comes as if it were all. */
    TRUNCATE,
    /** A byte is another one. */
    CORRUPT,
    /** 503. */
    UNAVAILABLE,
    /** 429, come back in a second. */
    THROTTLE,
    /** The whole file whatever part is asked for. */
    NO_RANGES,
    /** Part of another place. */
    NOT_SATISFIABLE
  }

  /** One request as it came. */
  record Seen(String method, String path, String authorization, String range, boolean cdn) {}

  public static final String REPOSITORY = "acme/tiny";
  private static final String DATASETS = "datasets/";
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  private final HttpServer hub;
  private final HttpServer cdn;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, byte[]> files = new TreeMap<>();
  private final Map<String, Deque<Fault>> faults = new ConcurrentHashMap<>();
  final List<Seen> seen = new CopyOnWriteArrayList<>();
  private final List<String> repositories = new CopyOnWriteArrayList<>(List.of(REPOSITORY));
  private final List<String> revisions =
      new CopyOnWriteArrayList<>(List.of("main", "refs/pr/1", COMMIT));

  /** What was pushed. */
  final StandInUploads uploads;

  volatile String wantedToken = "";
  volatile boolean gated;
  volatile String renamedFrom = "";
  volatile long claimedSize;

  public StandInHub() throws IOException {
    hub = start(this::answer);
    cdn = start(this::answerCdn);
    uploads = new StandInUploads("http://127.0.0.1:" + cdn.getAddress().getPort());
  }

  private HttpServer start(com.sun.net.httpserver.HttpHandler handler) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", handler);
    server.start();
    return server;
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  StandInHub file(String name, byte[] content) {
    files.put(name, content);
    return this;
  }

  /** A folder's files. */
  public StandInHub folder(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        files.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    return this;
  }

  /** The same files as a data set, too. */
  public StandInHub dataset(String name) {
    return repository(DATASETS + name);
  }

  /** The same files under another name, too. */
  public StandInHub repository(String name) {
    repositories.add(name);
    return this;
  }

  /** A tag, too. */
  public StandInHub revision(String tag) {
    revisions.add(tag);
    return this;
  }

  StandInHub fault(String name, Fault... next) {
    faults.computeIfAbsent(name, n -> new ArrayDeque<>()).addAll(Arrays.asList(next));
    return this;
  }

  byte[] content(String name) {
    return files.get(name);
  }

  private static boolean isLarge(String name) {
    return name.endsWith(".safetensors");
  }

  private String etag(String name) {
    try {
      byte[] content = files.get(name);
      MessageDigest digest = MessageDigest.getInstance(isLarge(name) ? "SHA-256" : "SHA-1");
      if (!isLarge(name)) {
        digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII));
      }
      return HexFormat.of().formatHex(digest.digest(content));
    } catch (java.security.GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  /** Whether a request came with this token. */
  public boolean wasShown(String token) {
    return seen.stream().anyMatch(s -> s.authorization().equals("Bearer " + token));
  }

  long requests(String method, String name) {
    return seen.stream()
        .filter(s -> s.method().equals(method) && s.path().endsWith("/" + name))
        .count();
  }

  private void note(HttpExchange exchange, boolean cdn) {
    Headers h = exchange.getRequestHeaders();
    seen.add(
        new Seen(
            exchange.getRequestMethod(),
            exchange.getRequestURI().getPath(),
            String.valueOf(h.getFirst("Authorization")),
            String.valueOf(h.getFirst("Range")),
            cdn));
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      note(exchange, false);
      String path = exchange.getRequestURI().getPath();
      if (!renamedFrom.isEmpty() && path.contains(renamedFrom)) {
        String raw = exchange.getRequestURI().getRawPath();
        exchange.getResponseHeaders().set("Location", raw.replace(renamedFrom, REPOSITORY));
        exchange.sendResponseHeaders(307, -1);
      } else if (refused(exchange) || uploads.answers(exchange, path, files)) {
        return;
      } else {
        answer(exchange, path);
      }
    }
  }

  private void answer(HttpExchange exchange, String path) throws IOException {
    for (String repository : repositories) {
      // Models are at the root, data sets in a folder.
      String api = "/api/" + (repository.startsWith(DATASETS) ? "" : "models/") + repository;
      String resolve = "/" + repository + "/resolve/";
      if (path.equals(api) || path.startsWith(api + "/")) {
        api(exchange, repository, path.substring(api.length()));
        return;
      }
      if (path.startsWith(resolve)) {
        String rest = path.substring(resolve.length());
        file(exchange, rest.substring(rest.indexOf('/') + 1), false);
        return;
      }
    }
    error(exchange, 404, "RepoNotFound");
  }

  private boolean refused(HttpExchange exchange) throws IOException {
    String shown = exchange.getRequestHeaders().getFirst("Authorization");
    if (wantedToken.isEmpty() || ("Bearer " + wantedToken).equals(shown)) {
      if (gated && exchange.getRequestURI().getPath().contains("/resolve/")) {
        error(exchange, 403, "GatedRepo");
        return true;
      }
      return false;
    }
    error(exchange, 401, gated ? "GatedRepo" : shown == null ? "RepoNotFound" : "");
    return true;
  }

  private static void error(HttpExchange exchange, int status, String code) throws IOException {
    if (!code.isEmpty()) {
      exchange.getResponseHeaders().set("X-Error-Code", code);
    }
    exchange.sendResponseHeaders(status, -1);
  }

  private void api(HttpExchange exchange, String repository, String rest) throws IOException {
    String json;
    if (rest.startsWith("/tree/")) {
      json =
          files.keySet().stream()
              .map(
                  n ->
                      "{\"type\": \"file\", \"path\": \"%s\", \"size\": %d, \"oid\": \"%s\"%s}"
                          .formatted(
                              n,
                              files.get(n).length,
                              isLarge(n) ? "0".repeat(40) : etag(n),
                              isLarge(n)
                                  ? ", \"lfs\": {\"oid\": \"%s\", \"size\": %d, \"pointerSize\": 1}"
                                      .formatted(etag(n), files.get(n).length)
                                  : ""))
              .collect(Collectors.joining(", ", "[", "]"));
    } else if (rest.isEmpty()
        || revisions.stream().map("/revision/"::concat).anyMatch(rest::equals)) {
      json =
          files.keySet().stream()
              .map("{\"rfilename\": \"%s\"}"::formatted)
              .collect(
                  Collectors.joining(
                      ", ",
                      "{\"id\": \"%s\", \"sha\": \"%s\", \"siblings\": ["
                          .formatted(repository, COMMIT),
                      "]}"));
    } else {
      error(exchange, 404, "RevisionNotFound");
      return;
    }
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
  }

  private void answerCdn(HttpExchange exchange) throws IOException {
    try (exchange) {
      note(exchange, true);
      if (exchange.getRequestMethod().equals("PUT")) {
        uploads.put(exchange);
        return;
      }
      file(exchange, exchange.getRequestURI().getPath().substring(1), true);
    }
  }

  private void file(HttpExchange exchange, String name, boolean fromCdn) throws IOException {
    byte[] content = files.get(name);
    if (content == null) {
      error(exchange, 404, "EntryNotFound");
      return;
    }
    Headers headers = exchange.getResponseHeaders();
    headers.set("X-Repo-Commit", COMMIT);
    if (isLarge(name) && !fromCdn) {
      headers.set("X-Linked-Etag", "\"" + etag(name) + "\"");
      headers.set("X-Linked-Size", "" + Math.max(claimedSize, content.length));
      headers.set("Location", "http://127.0.0.1:" + cdn.getAddress().getPort() + "/" + name);
      exchange.sendResponseHeaders(302, -1);
      return;
    }
    headers.set("ETag", isLarge(name) ? "\"cdn\"" : "W/\"" + etag(name) + "\"");
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", "" + content.length);
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    Deque<Fault> next = faults.get(name);
    send(exchange, content, next == null ? null : next.poll());
  }

  private static void send(HttpExchange exchange, byte[] content, Fault fault) throws IOException {
    if (fault == Fault.UNAVAILABLE || fault == Fault.THROTTLE || fault == Fault.NOT_SATISFIABLE) {
      if (fault == Fault.THROTTLE) {
        exchange.getResponseHeaders().set("Retry-After", "1");
      }
      exchange.sendResponseHeaders(
          fault == Fault.UNAVAILABLE ? 503 : fault == Fault.THROTTLE ? 429 : 416, -1);
      return;
    }
    String range = exchange.getRequestHeaders().getFirst("Range");
    int from = 0;
    if (range != null && fault != Fault.NO_RANGES) {
      from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
    }
    byte[] part = Arrays.copyOfRange(content, from, content.length);
    if (fault == Fault.CORRUPT) {
      part[part.length / 2] ^= 1;
    }
    int status = range != null && fault != Fault.NO_RANGES ? 206 : 200;
    int length = fault == Fault.TRUNCATE ? part.length / 2 : part.length;
    if (status == 206) {
      exchange
          .getResponseHeaders()
          .set(
              "Content-Range",
              "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
    }
    exchange.sendResponseHeaders(status, length);
    OutputStream out = exchange.getResponseBody();
    boolean half = fault == Fault.DROP || fault == Fault.STALL || fault == Fault.TRUNCATE;
    out.write(part, 0, half ? part.length / 2 : part.length);
    out.flush();
    if (fault == Fault.STALL) {
      try {
        Thread.sleep(600_000); // until the hub is closed
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }

  /**
   * Serves a folder until standard input ends, for Python's clients; prints the address.
   *
   * @param args the folder
   */
  public static void main(String[] args) throws IOException {
    try (StandInHub hub = new StandInHub().folder(Path.of(args[0]))) {
      System.out.println(hub.endpoint());
      while (System.in.read() >= 0) {
        // Until the other side goes.
      }
    }
  }
}
