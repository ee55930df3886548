package org.tune4j.hub;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/**
 * Proxies from {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY}, in
 * capitals or not, as other tools that fetch models read them; where none is set, the JVM's own.
 */
final class EnvironmentProxies extends ProxySelector {
  private final Map<String, String> environment;
  private final @Nullable ProxySelector otherwise;

  EnvironmentProxies(Map<String, String> environment, @Nullable ProxySelector otherwise) {
    this.environment = environment;
    this.otherwise = otherwise;
  }

  static EnvironmentProxies ofProcess() {
    return new EnvironmentProxies(System.getenv(), ProxySelector.getDefault());
  }

  @Override
  public List<Proxy> select(URI uri) {
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    String proxy = variable(scheme + "_proxy");
    if (proxy.isEmpty()) {
      proxy = variable("all_proxy");
    }
    if (proxy.isEmpty()) {
      return otherwise == null ? List.of(Proxy.NO_PROXY) : otherwise.select(uri);
    }
    return isExempt(uri.getHost()) ? List.of(Proxy.NO_PROXY) : List.of(proxy(proxy));
  }

  private String variable(String name) {
    String small = environment.getOrDefault(name, "");
    return small.isEmpty()
        ? environment.getOrDefault(name.toUpperCase(Locale.ROOT), "").strip()
        : small.strip();
  }

  private boolean isExempt(String host) {
    for (String entry : variable("no_proxy").split(",")) {
      String name = entry.strip().replaceFirst("^\\*?\\.", "").toLowerCase(Locale.ROOT);
      String asked = host.toLowerCase(Locale.ROOT);
      if (entry.strip().equals("*")
          || (!name.isEmpty() && (asked.equals(name) || asked.endsWith("." + name)))) {
        return true;
      }
    }
    return false;
  }

  private static Proxy proxy(String text) {
    URI uri;
    try {
      uri = URI.create(text.contains("://") ? text : "http://" + text);
    } catch (IllegalArgumentException e) {
      uri = URI.create("");
    }
    if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
      throw new UsageException(
          "the proxy '%s' of the environment is not supported; expected http://HOST:PORT"
              .formatted(text.replaceFirst("//.*@", "//...@")));
    }
    int port = uri.getPort() < 0 ? 80 : uri.getPort();
    return new Proxy(Proxy.Type.HTTP, new InetSocketAddress(uri.getHost(), port));
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException e) {
    // The request fails with the same exception.
  }
}
