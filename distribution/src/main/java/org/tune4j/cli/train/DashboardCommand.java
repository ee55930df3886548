package org.tune4j.cli.train;

import jakarta.inject.Inject;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.curves.RunFolders;
import org.tune4j.dashboard.Dashboard;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tune dashboard}. */
@Command(
    name = "dashboard",
    description = "Serves a page that compares runs, also during training.",
    sortOptions = false)
public final class DashboardCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "RUNS",
      arity = "0..*",
      description = "Run folders or their parent folders (default: the current folder).")
  private List<Path> folders = new ArrayList<>();

  @Option(
      names = "--port",
      defaultValue = "7007",
      paramLabel = "N",
      description = "The port; 0 for a free one (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = {
        "The address to listen on; 0.0.0.0 for all addresses of this machine. Everyone who "
            + "reaches it sees the runs' metrics and configs (default: 127.0.0.1, this machine)."
      })
  private @Nullable String host;

  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  DashboardCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (port < 0 || port > 65535) {
      throw new UsageException("--port is %d, expected 0 to 65535".formatted(port));
    }
    limitServer();
    RunFolders runs = RunFolders.open(folders.isEmpty() ? List.of(Path.of("")) : folders);
    runs.withoutRuns()
        .forEach(
            f ->
                terminal
                    .out()
                    .printf(
                        "there is no run in %s yet: no logs/metrics.jsonl in it or beneath it%n",
                        f));
    try (Dashboard dashboard = Dashboard.open(runs, host, port)) {
      InetSocketAddress at = dashboard.address();
      String name = at.getAddress().isAnyLocalAddress() ? "localhost" : at.getHostString();
      int count = runs.runs().size();
      terminal
          .out()
          .printf(
              "%s on http://%s:%d/ until Ctrl-C%n",
              count == 1 ? "1 run" : count + " runs",
              name.contains(":") ? "[" + name + "]" : name,
              at.getPort());
      new CountDownLatch(1).await();
    }
    return 0;
  }

  /** The JDK's server takes these from system properties only, when it is first used. */
  private static void limitServer() {
    System.setProperty("sun.net.httpserver.maxReqTime", "20"); // seconds to send a request
    System.setProperty("sun.net.httpserver.maxRspTime", "120"); // seconds to take an answer
    System.setProperty(
        "sun.net.httpserver.nodelay", "true"); // else a delayed ACK holds up each body
  }
}
