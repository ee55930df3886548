package org.tune4j.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.UsageException;

/**
 * The hub's protocol: a repository's files at a revision, one file's description, its bytes from an
 * offset on. The token goes to the hub's own host alone, whatever it redirects to.
 *
 * <p>What may pass is an {@link IOException}, what will not is a {@link org.tune4j.TuneException}.
 */
final class HubRequests {
  private static final int MOST_REDIRECTS = 10;
  private static final int LONGEST_LISTING = 64 << 20;
  private static final Pattern SAFE = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HubSettings settings;
  private final HttpClient http;

  HubRequests(HubSettings settings) {
    this.settings = settings;
    this.http =
        HttpClient.newBuilder()
            .version(
                HttpClient.Version.HTTP_1_1) // a connection a file, so that none waits for another
            .connectTimeout(settings.timeout())
            .followRedirects(HttpClient.Redirect.NEVER)
            .proxy(EnvironmentProxies.ofProcess())
            .build();
  }

  /**
   * What a revision holds.
   *
   * @param commit that the revision means now
   * @param names of its files, with slashes
   */
  record Listing(String commit, List<String> names) {}

  Listing list(Repository repository) throws IOException {
    URI uri =
        URI.create(
            "%s/%s/revision/%s"
                .formatted(settings.endpoint(), repository.api(), quoted(repository.revision())));
    HttpResponse<InputStream> answer = send("GET", uri, 0, repository, "");
    JsonNode json;
    try (InputStream in = answer.body()) {
      byte[] body = in.readNBytes(LONGEST_LISTING);
      json = JSON.readTree(body);
    } catch (JacksonException e) {
      throw new InputException(
          "%s does not answer with JSON; check HF_ENDPOINT, or a proxy in between".formatted(uri),
          e);
    }
    List<String> names = new ArrayList<>();
    json.path("siblings").forEach(s -> names.add(safeName(s.path("rfilename").asText())));
    return new Listing(safe("commit", json.path("sha").asText()), names);
  }

  /** A file of a commit. */
  RemoteFile head(Repository repository, String commit, String name) throws IOException {
    URI uri = resolve(repository, commit, name);
    HttpResponse<InputStream> answer = send("HEAD", uri, 0, repository, name);
    answer.body().close();
    String etag = header(answer, "X-Linked-Etag").or(() -> header(answer, "ETag")).orElse("");
    String size =
        header(answer, "X-Linked-Size").or(() -> header(answer, "Content-Length")).orElse("");
    try {
      return new RemoteFile(
          name,
          safe("ETag", etag.replaceFirst("^W/", "").replace("\"", "")),
          Long.parseUnsignedLong(size));
    } catch (NumberFormatException e) {
      throw new InputException(
          "%s answers %s without a size".formatted(settings.endpoint(), uri), e);
    }
  }

  /**
   * A file's bytes.
   *
   * @param from where they begin; the answer's status says whether they do: 206 as asked, 200 at 0
   */
  HttpResponse<InputStream> open(Repository repository, String commit, RemoteFile file, long from)
      throws IOException {
    return send("GET", resolve(repository, commit, file.name()), from, repository, file.name());
  }

  private URI resolve(Repository repository, String commit, String name) {
    StringBuilder path = new StringBuilder();
    for (String part : name.split("/")) {
      path.append('/').append(quoted(part));
    }
    return URI.create(
        "%s/%s/resolve/%s%s".formatted(settings.endpoint(), repository.page(), commit, path));
  }

  static String quoted(String part) {
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** A file may lie nowhere but in its folder. */
  private static String safeName(String name) {
    boolean bad = name.isEmpty() || name.startsWith("/") || name.contains("\\");
    for (String part : name.split("/", -1)) {
      bad |= part.isEmpty() || part.equals(".") || part.equals("..");
    }
    if (bad || name.chars().anyMatch(Character::isISOControl)) {
      throw new InputException(
          "the Hub lists a file '%s', a name that is not safe to write; nothing was fetched"
              .formatted(name.replaceAll("\\p{Cntrl}", "?")));
    }
    return name;
  }

  private String safe(String what, String value) {
    if (!SAFE.matcher(value).matches()) {
      throw new InputException(
          "%s answers with '%s' as %s, which is none; check HF_ENDPOINT, or a proxy in between"
              .formatted(settings.endpoint(), value.replaceAll("\\p{Cntrl}", "?"), what));
    }
    return value;
  }

  /** Follows redirects, of HEAD only to where the file is described. */
  private HttpResponse<InputStream> send(
      String method, URI first, long from, Repository repository, String file) throws IOException {
    URI at = first;
    for (int i = 0; i < MOST_REDIRECTS; i++) {
      HttpResponse<InputStream> answer = send(method, at, from);
      int status = answer.statusCode();
      Optional<String> location = header(answer, "Location");
      boolean described = method.equals("HEAD") && header(answer, "X-Linked-Etag").isPresent();
      if (status == 200 || status == 206 || (status / 100 == 3 && described)) {
        return answer;
      }
      answer.body().close();
      if (status / 100 != 3 || location.isEmpty()) {
        throw refused(answer, repository, file);
      }
      URI next = target(at, location.get());
      if ("https".equals(at.getScheme()) && !"https".equals(next.getScheme())) {
        throw new InputException(
            "%s redirects to %s, which is not encrypted; refused".formatted(at, next));
      }
      at = next;
    }
    throw new InputException("%s redirects in a circle; check HF_ENDPOINT".formatted(first));
  }

  private static URI target(URI from, String location) {
    try {
      return from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s redirects to '%s', which is not an address; check HF_ENDPOINT, or a proxy in between"
              .formatted(from, location),
          e);
    }
  }

  private HttpResponse<InputStream> send(String method, URI uri, long from) throws IOException {
    HttpRequest.Builder request =
        request(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(settings.timeout())
            .header("Accept-Encoding", "identity"); // sizes and ranges are those of the file
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    return send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
  }

  /** A request of this program's, with the token where it goes to the hub. */
  HttpRequest.Builder request(URI uri) {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).header("User-Agent", "tune4j");
    String token = settings.token();
    if (token != null && isHub(uri)) {
      request.header("Authorization", "Bearer " + token);
    }
    return request;
  }

  /** The answer, whatever its status. */
  <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> body)
      throws IOException {
    try {
      return http.send(request, body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted").initCause(e);
    }
  }

  boolean isHub(URI uri) {
    URI hub = settings.endpoint();
    return Objects.equals(hub.getScheme(), uri.getScheme())
        && hub.getHost().equalsIgnoreCase(uri.getHost())
        && hub.getPort() == uri.getPort();
  }

  private static Optional<String> header(HttpResponse<?> answer, String name) {
    return answer.headers().firstValue(name);
  }

  /** What an answer other than the wanted one means: to be thrown, by this or by the caller. */
  IOException refused(HttpResponse<?> answer, Repository repository, String file) {
    int status = answer.statusCode();
    String code = header(answer, "X-Error-Code").orElse("");
    URI hub = settings.endpoint();
    if (status == 408 || status == 429 || status >= 500) {
      return new Unavailable(
          "%s answers with %d".formatted(hub, status),
          header(answer, "Retry-After").map(HubRequests::seconds).orElse(0));
    }
    if (status == 416) {
      return new IOException("%s does not have this part of %s".formatted(hub, file));
    }
    if (code.equals("GatedRepo")) {
      throw gated(repository);
    }
    if (code.equals("RevisionNotFound")) {
      throw new UsageException(
          "%s has no revision '%s'; its branches and tags are listed at %s/%s/tree/main"
              .formatted(repository.name(), repository.revision(), hub, repository.page()));
    }
    if (code.equals("EntryNotFound")) {
      throw new InputException("%s has no file %s".formatted(repository, file));
    }
    if (status == 404 || code.equals("RepoNotFound")) {
      throw new InputException(
          "%s is not at %s, or is private; check the name%s"
              .formatted(
                  repository.name(),
                  hub + (repository.type() == Repository.Type.DATASET ? "/datasets" : ""),
                  settings.token() != null
                      ? " and that the token's account may see it"
                      : ", or set HF_TOKEN to a token that may see it"));
    }
    if (status == 401 || status == 403) {
      throw forbidden(repository, status);
    }
    throw new InputException(
        "%s refuses %s with %d%s"
            .formatted(
                hub,
                file.isEmpty() ? repository : file + " of " + repository,
                status,
                header(answer, "X-Error-Message").map(m -> ": " + m).orElse("")));
  }

  private InputException gated(Repository repository) {
    URI hub = settings.endpoint();
    return new InputException(
        "%s is gated: ask for access at %s/%s, and %s"
            .formatted(
                repository,
                hub,
                repository.page(),
                settings.token() != null
                    ? "check that the token is of the account that has it and may read gated"
                        + " repositories"
                    : "set HF_TOKEN, or --hf-token, to a token from %s/settings/tokens"
                        .formatted(hub)));
  }

  private InputException forbidden(Repository repository, int status) {
    URI hub = settings.endpoint();
    return new InputException(
        "%s refuses %s with %d; %s"
            .formatted(
                hub,
                repository,
                status,
                settings.token() != null
                    ? "the token is wrong, expired, or may not read it: make one at %s/settings/tokens"
                        .formatted(hub)
                    : "set HF_TOKEN, or --hf-token, to a token from %s/settings/tokens"
                        .formatted(hub)));
  }

  private static int seconds(String retryAfter) {
    try {
      return Math.max(0, Math.min(300, Integer.parseInt(retryAfter.strip())));
    } catch (NumberFormatException e) {
      return 0; // a date, which is rare
    }
  }

  /** The hub is in trouble, for a while. */
  static final class Unavailable extends IOException {
    private static final long serialVersionUID = 1;
    private final int seconds;

    Unavailable(String message, int seconds) {
      super(message);
      this.seconds = seconds;
    }

    /** How long it asks to be left alone; 0 where it does not say. */
    int seconds() {
      return seconds;
    }
  }

  /** What an exception of {@code java.net.http} means; many have no message. */
  static String reason(IOException e) {
    String name = e.getClass().getSimpleName();
    String said = e.getMessage();
    return switch (name) {
      case "ConnectException" -> said == null ? "no connection" : said.toLowerCase(Locale.ROOT);
      case "UnresolvedAddressException", "UnknownHostException" -> "its name is not known";
      case "HttpConnectTimeoutException" -> "no connection in time";
      case "HttpTimeoutException" -> "no answer in time";
      default -> said == null ? name : said.replaceAll("\\s+", " ");
    };
  }
}
