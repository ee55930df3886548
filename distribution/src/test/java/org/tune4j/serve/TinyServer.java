package org.tune4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.inference.InferenceModel;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** The tiny model served on the plain-Java backend, by a thread of its own. */
final class TinyServer implements AutoCloseable {
  /** Than any pooled connection of a test waits. */
  private static final Duration LONG = Duration.ofMinutes(5);

  static final ServerLimits LIMITS = limits(64, LONG, LONG, LONG);
  private static final Path GOLDEN = Path.of("../models/src/test/resources/golden/tiny");
  static final Path ADAPTER = GOLDEN.resolve("lora/all_r4/initial");
  private static final ObjectMapper JSON = new ObjectMapper();

  final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Thread thread;
  private final CompletableFuture<InetSocketAddress> address = new CompletableFuture<>();
  private volatile boolean stop;

  /** Lines of the request log. */
  final List<String> log = new CopyOnWriteArrayList<>();

  private TinyServer(Path folder, Path adapter, ServerLimits limits, @Nullable String key) {
    thread =
        new Thread(
            () ->
                withModel(
                    folder,
                    model -> {
                      ServedModels models =
                          new ServedModels(model, "tiny", Map.of("org/lora", adapter));
                      try (ModelServer server =
                          ModelServer.start(
                              models, limits, "127.0.0.1", 0, key, log::add, () -> stop)) {
                        address.complete(server.address());
                        server.run();
                      }
                      return null;
                    }),
            "tiny-server");
    thread.setUncaughtExceptionHandler((t, e) -> address.completeExceptionally(e));
  }

  /** Limits that no test reaches, but for these. */
  static ServerLimits limits(int queue, Duration time, Duration idle, Duration arrival) {
    return new ServerLimits(64 << 10, 200, 16, queue, time, LONG, 256, idle, arrival);
  }

  /** What a function makes of the model that is served. */
  static <T> T withModel(Function<InferenceModel, T> use) {
    return withModel(GOLDEN.resolve("families/llama2"), use);
  }

  /** The same of another model. */
  static <T> T withModel(Path folder, Function<InferenceModel, T> use) {
    try (Engine engine = Backends.installed().open("reference", new BackendOptions(Device.CPU, 1));
        TensorScope scope = engine.openScope();
        InferenceModel model =
            InferenceModel.open(folder, Path.of("../docs/tiny"), engine, DType.FP32)) {
      return use.apply(model);
    }
  }

  static TinyServer start(ServerLimits limits, @Nullable String key) throws Exception {
    return started(new TinyServer(GOLDEN.resolve("families/llama2"), ADAPTER, limits, key));
  }

  /** One of a golden classifier. */
  static TinyServer ofClassifier(Path folder) throws Exception {
    return started(new TinyServer(folder, folder.resolve("adapter"), LIMITS, null));
  }

  private static TinyServer started(TinyServer server) throws Exception {
    server.thread.start();
    server.address.get(5, TimeUnit.MINUTES);
    return server;
  }

  static TinyServer start() throws Exception {
    return start(LIMITS, null);
  }

  int port() {
    return address.join().getPort();
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path))
        .timeout(Duration.ofMinutes(5));
  }

  HttpRequest post(String path, String body) {
    return request(path)
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  HttpResponse<String> send(HttpRequest request) throws Exception {
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  /** What is answered, with the status as {@code status}. */
  JsonNode ask(String path, String body) throws Exception {
    HttpResponse<String> answer = send(post(path, body));
    return ((com.fasterxml.jackson.databind.node.ObjectNode) json(answer.body()))
        .put("status", answer.statusCode());
  }

  JsonNode complete(String body) throws Exception {
    return ask("/v1/completions", body);
  }

  static JsonNode json(String text) throws IOException {
    return JSON.readTree(text);
  }

  /** The request log's lines once there are so many: a line is written when its answer is out. */
  List<String> log(int lines) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
    while (log.size() < lines && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    return log;
  }

  /** A connection on which bytes are sent as they are. */
  Socket raw(String text) throws IOException {
    Socket socket = new Socket("127.0.0.1", port());
    socket.setSoTimeout(300_000);
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
    return socket;
  }

  /** All that comes until the server ends the connection. */
  static String rest(Socket socket) throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  static String rawPost(String body) {
    return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body);
  }

  void stop() {
    stop = true;
  }

  void join() throws InterruptedException {
    thread.join(300_000);
    if (thread.isAlive()) {
      throw new AssertionError("the server does not end");
    }
  }

  @Override
  public void close() throws InterruptedException {
    stop();
    join();
  }
}
