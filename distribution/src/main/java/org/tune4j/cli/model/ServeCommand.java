package org.tune4j.cli.model;

import jakarta.inject.Inject;
import jakarta.inject.Provider;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.cli.config.PluginOptions;
import org.tune4j.cli.terminal.StopSignal;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.hub.Repository;
import org.tune4j.inference.InferenceModel;
import org.tune4j.serve.ModelServer;
import org.tune4j.serve.ServedModels;
import org.tune4j.serve.ServerLimits;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.ComputeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune serve}. */
@Command(
    name = "serve",
    description = "Serves a model and its adapters over OpenAI's API.",
    sortOptions = false,
    footer = {
      "",
      "GET /v1/models, POST /v1/completions, POST /v1/chat/completions; of a classifier POST"
          + " /classify; /openapi.json describes them.",
      "Ctrl-C and SIGTERM end the current answer, then the server."
    })
public final class ServeCommand implements Callable<Integer> {
  private static final Duration GRACE = Duration.ofSeconds(10);

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The model: a Hugging Face folder, or a repository on the Hub.")
  private Path model;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "The model's name for clients (default: its folder's or repository's).")
  private @Nullable String name;

  @Option(
      names = "--adapter",
      paramLabel = "NAME=DIR",
      description = "A name and a PEFT adapter for the model; can be repeated.")
  private Map<String, Path> adapters = new LinkedHashMap<>();

  @Option(
      names = "--host",
      paramLabel = "HOST",
      defaultValue = "127.0.0.1",
      description = "The address; 0.0.0.0 for other machines too (default: ${DEFAULT-VALUE}).")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "8000",
      description = "The port; 0 for a free one (default: ${DEFAULT-VALUE}).")
  private int port = 8000;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      defaultValue = "${env:TUNE_API_KEY}",
      description = "The key that clients must send (default: TUNE_API_KEY, else none).")
  private @Nullable String apiKey;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "1024",
      description = "Maximum number of generated tokens (default: ${DEFAULT-VALUE}).")
  private int newTokens = 1024;

  @Option(
      names = "--max-choices",
      paramLabel = "N",
      defaultValue = "16",
      description = "Maximum of prompts times answers per request (default: ${DEFAULT-VALUE}).")
  private int choices = 16;

  @Option(
      names = "--max-body-kb",
      paramLabel = "N",
      defaultValue = "1024",
      description = "Maximum size of a request in kilobytes (default: ${DEFAULT-VALUE}).")
  private int bodyKilobytes = 1024;

  @Option(
      names = "--queue",
      paramLabel = "N",
      defaultValue = "64",
      description = "Maximum number of waiting requests; more get 429 (default: ${DEFAULT-VALUE}).")
  private int queue = 64;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "Seconds from a request to the end of its answer (default: ${DEFAULT-VALUE}).")
  private int seconds = 600;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      defaultValue = "256",
      description = "Maximum number of open connections (default: ${DEFAULT-VALUE}).")
  private int connections = 256;

  @Option(
      names = "--idle-timeout",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description = "Seconds that a connection can be silent (default: ${DEFAULT-VALUE}).")
  private int idleSeconds = 30;

  @Option(
      names = "--receive-timeout",
      paramLabel = "SECONDS",
      defaultValue = "60",
      description = "Seconds from a request's first byte to its last (default: ${DEFAULT-VALUE}).")
  private int receiveSeconds = 60;

  @Option(
      names = "--no-request-log",
      description = "Turns off the request log on standard error, which never contains texts.")
  private boolean quiet;

  @Mixin private ModelOptions compute;
  @Mixin private PluginOptions plugins;
  @Spec private CommandSpec spec;

  private final Provider<Backends> backends;
  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ServeCommand(Provider<Backends> backends, Terminal terminal) {
    this.backends = backends;
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    plugins.load();
    if (port < 0 || port > 65535) {
      throw new UsageException("--port is %d, expected 0 to 65535".formatted(port));
    }
    if (bodyKilobytes > Integer.MAX_VALUE >> 10) {
      throw new UsageException(
          "--max-body-kb is %d, expected 1 to %d"
              .formatted(bodyKilobytes, Integer.MAX_VALUE >> 10));
    }
    ServerLimits limits =
        new ServerLimits(
            bodyKilobytes << 10,
            newTokens,
            choices,
            queue,
            Duration.ofSeconds(seconds),
            GRACE,
            connections,
            Duration.ofSeconds(idleSeconds),
            Duration.ofSeconds(receiveSeconds));
    PrintWriter err = spec.commandLine().getErr();
    try (StopSignal stop = StopSignal.listening();
        Engine engine = compute.open(backends.get());
        TensorScope scope = engine.openScope();
        InferenceModel opened = compute.load(model, List.copyOf(adapters.values()), engine)) {
      err.println(ComputeOptions.describe(engine, opened.base().precision()));
      ServedModels models = new ServedModels(opened, name(opened), adapters);
      try (ModelServer server =
          ModelServer.start(
              models, limits, host, port, key(), quiet ? null : err::println, stop::requested)) {
        InetSocketAddress at = server.address();
        if (!at.getAddress().isLoopbackAddress() && key() == null) {
          err.println(
              "warning: other machines may use this server, and no --api-key keeps them out");
        }
        terminal
            .out()
            .printf(
                "serving %s at http://%s:%d/v1%n",
                String.join(", ", names(opened)), literal(at), at.getPort());
        server.run();
      }
      err.println("ended");
    }
    return 0;
  }

  private static String literal(InetSocketAddress at) {
    String host = at.getHostString();
    return host.contains(":") ? "[" + host + "]" : host;
  }

  private @Nullable String key() {
    return apiKey == null || apiKey.isBlank() ? null : apiKey;
  }

  private List<String> names(InferenceModel opened) {
    List<String> all = new ArrayList<>(List.of(name(opened)));
    all.addAll(adapters.keySet());
    return all;
  }

  private String name(InferenceModel opened) {
    if (name != null) {
      return name;
    }
    Path folder = opened.folder().toAbsolutePath().normalize();
    return Repository.ofSnapshot(folder)
        .map(Repository::name)
        .orElseGet(() -> Objects.toString(folder.getFileName(), "model"));
  }
}
