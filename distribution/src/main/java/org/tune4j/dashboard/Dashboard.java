package org.tune4j.dashboard;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.curves.RunFolders;

/**
 * Serves the page and what it shows. Every request is a GET or HEAD and changes nothing; on
 * loopback only requests that name this machine are answered: otherwise a web page could point a
 * name of its own here and read the runs (DNS rebinding).
 */
public final class Dashboard implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Dashboard.class);

  /** A thread each, since a slow client holds its thread while it sends. */
  private static final int CONNECTIONS = 256;

  private static final ThreadFactory THREAD =
      work -> {
        Thread t = new Thread(work, "dashboard");
        t.setDaemon(true);
        return t;
      };

  private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "localhost", "[::1]");

  /** The page runs its own scripts and speaks to its own server, nothing else. */
  private static final Map<String, String> PROTECTION =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
              + " img-src 'self' blob:; base-uri 'none'; form-action 'none';"
              + " frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cache-Control",
          "no-cache");

  private final Page page = new Page();
  private final Answers answers;
  private final HttpServer server;
  private final ThreadPoolExecutor threads;

  /** What {@code Host} may be, without its port; empty for anything. */
  private final Set<String> names;

  private Dashboard(RunFolders folders, HttpServer server, Set<String> names) {
    this.answers = new Answers(folders);
    this.server = server;
    this.names = names;
    this.threads =
        new ThreadPoolExecutor(
            CONNECTIONS, CONNECTIONS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), THREAD);
    this.threads.allowCoreThreadTimeOut(true);
  }

  /**
   * Starts to serve, on daemon threads of its own.
   *
   * @param folders whose runs are shown, those that begin later too
   * @param host a name or address to listen on; where it is a loopback address, requests must name
   *     it or another loopback name. null for 127.0.0.1
   * @param port 0 for any that is free
   * @return the server, listening; to be closed by the caller
   * @throws UsageException when there is no such host
   * @throws EnvironmentException when the port is taken
   */
  public static Dashboard open(RunFolders folders, @Nullable String host, int port) {
    String listen = host == null ? "127.0.0.1" : host;
    try {
      InetAddress address = InetAddress.getByName(listen);
      HttpServer server = HttpServer.create(new InetSocketAddress(address, port), 0);
      Dashboard dashboard = new Dashboard(folders, server, names(listen, address));
      server.setExecutor(dashboard.threads);
      server.createContext("/", dashboard::handle);
      server.start();
      dashboard.threads.execute(
          dashboard.answers::runs); // long files are read before they are asked for
      return dashboard;
    } catch (UnknownHostException e) {
      throw new UsageException("there is no host '%s' to listen on".formatted(listen), e);
    } catch (BindException e) {
      throw new EnvironmentException(
          "cannot listen on port %d of %s: %s; choose another with --port, or 0 for any"
              .formatted(port, listen, TuneException.reason(e)),
          e);
    } catch (IOException e) {
      throw new EnvironmentException(
          "cannot listen on %s:%d: %s".formatted(listen, port, TuneException.reason(e)), e);
    }
  }

  /** The port is left out: it is another at the near end of an SSH tunnel. */
  private static Set<String> names(String host, InetAddress address) {
    if (!address.isLoopbackAddress()) {
      return Set.of();
    }
    Set<String> names = new HashSet<>(LOOPBACK);
    String given = host.toLowerCase(Locale.ROOT);
    names.add(given.contains(":") && !given.startsWith("[") ? "[" + given + "]" : given);
    return names;
  }

  /** {@return where it listens, with the port that was free} */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  /** Ends at once; requests under way are cut off. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      PROTECTION.forEach(exchange.getResponseHeaders()::set);
      try {
        answer(exchange);
      } catch (Refusal r) {
        send(exchange, r.status(), "application/json", Answers.error(r.text()));
      } catch (RuntimeException e) {
        LOG.warn("{} {}", exchange.getRequestMethod(), exchange.getRequestURI(), e);
        send(exchange, 500, "application/json", Answers.error("internal error: " + e));
      }
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    checkHost(exchange.getRequestHeaders());
    String method = exchange.getRequestMethod();
    if (!method.equals("GET") && !method.equals("HEAD")) {
      exchange.getResponseHeaders().set("Allow", "GET, HEAD");
      throw new Refusal(405, method + " is not allowed here: the dashboard only reads");
    }
    String query = exchange.getRequestURI().getRawQuery();
    String path = exchange.getRequestURI().getRawPath();
    switch (path) {
      case "/api/runs" -> {
        new Query(query, Set.of());
        send(exchange, 200, "application/json", answers.runs());
      }
      case "/api/configs" -> {
        new Query(query, Set.of());
        send(exchange, 200, "application/json", answers.configs());
      }
      case "/api/curves" ->
          send(
              exchange,
              200,
              "application/json",
              answers.curves(new Query(query, Answers.OF_CURVES)));
      case "/api/csv" -> csv(exchange, new Query(query, Answers.OF_CSV));
      default -> {
        Page.File file = page.at(path);
        if (file == null) {
          throw new Refusal(404, "there is nothing at " + path);
        }
        send(exchange, 200, file.type(), file.bytes());
      }
    }
  }

  private void checkHost(Headers headers) {
    List<String> hosts = headers.getOrDefault("Host", List.of());
    if (!names.isEmpty()
        && (hosts.size() != 1
            || !names.contains(hosts.get(0).replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT)))) {
      throw new Refusal(
          403,
          "the host %s is not this machine's own; to be reached by other names, start with --host and an address that is not a loopback one"
              .formatted(hosts));
    }
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
    } else {
      exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    }
  }

  /** Long, so written as it is made. */
  private void csv(HttpExchange exchange, Query query) throws IOException {
    Answers.Csv csv = answers.csv(query);
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", "text/csv; charset=utf-8");
    headers.set("Content-Disposition", "attachment; filename=\"curves.csv\"");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = new BufferedOutputStream(exchange.getResponseBody(), 1 << 16)) {
      csv.write(out);
    }
  }
}
