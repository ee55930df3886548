package org.tune4j.hub;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/**
 * Where the hub and its cache are, as Python's {@code huggingface_hub} finds them.
 *
 * @param endpoint the hub, without a slash at its end
 * @param cache the folder of {@code models--OWNER--NAME} folders
 * @param token what the hub is shown; null for none
 * @param offline whether the network must not be used
 * @param timeout how long a connection may be silent
 * @param backoff how often and when a request that failed is tried again
 */
public record HubSettings(
    URI endpoint,
    Path cache,
    @Nullable String token,
    boolean offline,
    Duration timeout,
    Backoff backoff) {
  private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");
  private static final int SECONDS = 10;

  /**
   * Checks the endpoint.
   *
   * @throws UsageException if {@code endpoint} is not an HTTP address
   */
  public HubSettings {
    String scheme = endpoint.getScheme();
    if (scheme == null
        || !Set.of("http", "https").contains(scheme.toLowerCase(Locale.ROOT))
        || endpoint.getHost() == null) {
      throw new UsageException(
          "HF_ENDPOINT is '%s', expected an address as https://huggingface.co".formatted(endpoint));
    }
  }

  /**
   * From {@code HF_ENDPOINT}, {@code HF_HUB_CACHE}, {@code HF_HOME}, {@code HF_TOKEN}, {@code
   * HF_TOKEN_PATH}, {@code HF_HUB_OFFLINE}, {@code HF_HUB_DOWNLOAD_TIMEOUT} and the token that
   * {@code hf auth login} left.
   *
   * @param environment the process's variables, by name
   * @param home the user's folder
   * @return the settings; what no variable says is as in {@code huggingface_hub}, a silence of 10
   *     seconds and {@link Backoff#DEFAULT}
   * @throws UsageException when one of them makes no sense
   * @throws EnvironmentException when the token's file cannot be read
   */
  public static HubSettings of(Map<String, String> environment, Path home) {
    String cacheHome = environment.getOrDefault("XDG_CACHE_HOME", "~/.cache");
    Path hf = path(environment.getOrDefault("HF_HOME", cacheHome + "/huggingface"), home);
    String older = environment.getOrDefault("HUGGINGFACE_HUB_CACHE", hf.resolve("hub").toString());
    Path cache = path(environment.getOrDefault("HF_HUB_CACHE", older), home);
    String endpoint = environment.getOrDefault("HF_ENDPOINT", "https://huggingface.co");
    String offline =
        environment.getOrDefault(
            "HF_HUB_OFFLINE", environment.getOrDefault("TRANSFORMERS_OFFLINE", ""));
    try {
      return new HubSettings(
          new URI(endpoint.strip().replaceFirst("/+$", "")),
          cache,
          token(environment, path(environment.getOrDefault("HF_TOKEN_PATH", hf + "/token"), home)),
          YES.contains(offline.toUpperCase(Locale.ROOT)),
          Duration.ofSeconds(seconds(environment)),
          Backoff.DEFAULT);
    } catch (URISyntaxException e) {
      throw new UsageException(
          "HF_ENDPOINT is '%s', expected an address as https://huggingface.co".formatted(endpoint),
          e);
    }
  }

  /**
   * {@return the settings of this process: {@link #of} its environment and its user's folder}
   *
   * @throws UsageException as {@link #of}
   */
  public static HubSettings ofProcess() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /**
   * {@return the same with another token}
   *
   * @param value its line breaks are taken out; empty for no token
   * @throws UsageException when it has characters that no token has
   */
  public HubSettings withToken(String value) {
    return new HubSettings(endpoint, cache, clean(value), offline, timeout, backoff);
  }

  private static Path path(String text, Path home) {
    return text.equals("~") || text.startsWith("~/")
        ? home.resolve(text.substring(Math.min(2, text.length())))
        : Path.of(text);
  }

  private static int seconds(Map<String, String> environment) {
    String text = environment.getOrDefault("HF_HUB_DOWNLOAD_TIMEOUT", "" + SECONDS);
    try {
      int seconds = Integer.parseInt(text.strip());
      if (seconds > 0) {
        return seconds;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new UsageException(
        "HF_HUB_DOWNLOAD_TIMEOUT is '%s', expected seconds, 1 or more".formatted(text));
  }

  private static @Nullable String token(Map<String, String> environment, Path file) {
    for (String name : new String[] {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
      String token = clean(environment.getOrDefault(name, ""));
      if (token != null) {
        return token;
      }
    }
    if (!Files.isRegularFile(file)) {
      return null;
    }
    try {
      return clean(Files.readString(file));
    } catch (IOException e) {
      throw new EnvironmentException(
          "the Hub's token in %s cannot be read: %s; set HF_TOKEN"
              .formatted(file, TuneException.reason(e)),
          e);
    }
  }

  /** Without the line breaks that files and shells leave, which no header may have. */
  private static @Nullable String clean(String token) {
    String clean = token.replaceAll("[\\r\\n]", "").strip();
    if (!clean.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      throw new UsageException("the Hub's token has characters that no token has; check HF_TOKEN");
    }
    return clean.isEmpty() ? null : clean;
  }

  /** Without the token. */
  @Override
  public String toString() {
    return "HubSettings[endpoint=%s, cache=%s, offline=%s]".formatted(endpoint, cache, offline);
  }
}
