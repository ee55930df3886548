package org.tune4j.metrics;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;

/** The REST API of an MLflow tracking server, version 2.0: JSON over HTTP. */
final class MlflowApi {
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(30);
  private static final int SHOWN = 300;
  private static final int MOST_REDIRECTS = 5;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI server;
  private final @Nullable String authorization;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1) // servers complain of the offer of 2 in the clear
          .connectTimeout(CONNECT_LIMIT)
          .followRedirects(HttpClient.Redirect.NEVER) // it would take the credentials along
          .build();

  /**
   * Of a server.
   *
   * @param environment names a user and password, or a token, as for MLflow's own clients
   */
  MlflowApi(URI server, Map<String, String> environment) {
    this.server = server;
    this.authorization = authorization(environment);
  }

  private static @Nullable String authorization(Map<String, String> environment) {
    String user = environment.get("MLFLOW_TRACKING_USERNAME");
    String password = environment.get("MLFLOW_TRACKING_PASSWORD");
    String token = environment.get("MLFLOW_TRACKING_TOKEN");
    if (user != null && password != null) {
      byte[] both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
      return "Basic " + Base64.getEncoder().encodeToString(both);
    }
    return token == null ? null : "Bearer " + token;
  }

  /** A JSON object to be filled. */
  static ObjectNode object() {
    return JSON.createObjectNode();
  }

  /**
   * Asks for what may not be there.
   *
   * @throws IOException when the server cannot be reached or is in trouble, for a while
   * @throws EnvironmentException when it refuses
   */
  Optional<JsonNode> find(String endpoint, Map<String, String> query) throws IOException {
    String q =
        query.entrySet().stream()
            .map(e -> e.getKey() + "=" + URLEncoder.encode(e.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
    HttpResponse<String> answer = send(request(endpoint + "?" + q).GET());
    return answer.statusCode() == 404 && code(answer).equals("RESOURCE_DOES_NOT_EXIST")
        ? Optional.empty()
        : Optional.of(body(endpoint, answer));
  }

  /**
   * Asks.
   *
   * @throws IOException when the server cannot be reached or is in trouble, for a while
   * @throws EnvironmentException when it refuses
   */
  JsonNode get(String endpoint, Map<String, String> query) throws IOException {
    return find(endpoint, query)
        .orElseThrow(
            () ->
                new EnvironmentException(
                    "MLflow at %s has no result for %s %s".formatted(server, endpoint, query)));
  }

  /**
   * Tells.
   *
   * @throws IOException when the server cannot be reached or is in trouble, for a while
   * @throws EnvironmentException when it refuses
   */
  JsonNode post(String endpoint, JsonNode body) throws IOException {
    return body(
        endpoint,
        send(
            request(endpoint)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))));
  }

  private HttpRequest.Builder request(String endpoint) {
    String base = server.toString();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create(
                    base.substring(0, base.length() - (base.endsWith("/") ? 1 : 0))
                        + "/api/2.0/mlflow/"
                        + endpoint))
            .timeout(ANSWER_LIMIT);
    return authorization == null ? request : request.header("Authorization", authorization);
  }

  /** Follows redirects that stay with the server, which may go over to HTTPS. */
  private HttpResponse<String> send(HttpRequest.Builder request) throws IOException {
    for (int i = 0; i < MOST_REDIRECTS; i++) {
      HttpRequest built = request.build();
      HttpResponse<String> answer = send(built);
      Optional<String> location = answer.headers().firstValue("Location");
      if (answer.statusCode() / 100 != 3 || location.isEmpty()) {
        return answer;
      }
      request.uri(next(built.uri(), location.get()));
    }
    throw new EnvironmentException(
        "MLflow at %s redirects in a circle; check tracking_uri".formatted(server));
  }

  private URI next(URI from, String location) {
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new EnvironmentException(
          "MLflow at %s redirects to '%s', which is not an address; check tracking_uri"
              .formatted(server, location),
          e);
    }
    boolean encrypts = "http".equals(from.getScheme()) && "https".equals(to.getScheme());
    boolean stays =
        from.getHost().equalsIgnoreCase(to.getHost())
            && (encrypts
                || (from.getPort() == to.getPort()
                    && from.getScheme().equalsIgnoreCase(to.getScheme())));
    if (!stays) {
      throw new EnvironmentException(
          "MLflow at %s redirects to %s://%s, and nothing is sent there; set tracking_uri to that server if it is yours"
              .formatted(server, to.getScheme(), to.getRawAuthority()));
    }
    return to;
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (IOException e) {
      // Many of java.net.http's exceptions have no message.
      throw new IOException(
          "MLflow at %s cannot be reached (%s)".formatted(server, e.getClass().getSimpleName()), e);
    }
  }

  private JsonNode body(String endpoint, HttpResponse<String> answer) throws IOException {
    int status = answer.statusCode();
    if (status == 408 || status == 429 || status >= 500) {
      throw new IOException("MLflow at %s answers %s with %d".formatted(server, endpoint, status));
    }
    if (status == 401 || status == 403) {
      throw new EnvironmentException(
          "MLflow at %s answers %s with %d; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
              .formatted(server, endpoint, status));
    }
    if (status != 200) {
      throw new EnvironmentException(
          "MLflow at %s refuses %s with %d: %s"
              .formatted(server, endpoint, status, shown(answer.body())));
    }
    try {
      return JSON.readTree(answer.body());
    } catch (JacksonException e) {
      throw new EnvironmentException(
          "%s answers %s with %s, expected JSON; check tracking_uri"
              .formatted(server, endpoint, shown(answer.body())),
          e);
    }
  }

  /** The server's name for an error; empty where there is none. */
  private static String code(HttpResponse<String> answer) {
    try {
      return JSON.readTree(answer.body()).path("error_code").asText();
    } catch (JacksonException e) {
      return "";
    }
  }

  private static String shown(String body) {
    return body.length() <= SHOWN ? body : body.substring(0, SHOWN) + "...";
  }
}
