package org.tune4j.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.URIUtil;
import org.jspecify.annotations.Nullable;
import org.tune4j.serve.GenerationRequest.Endpoint;

/** The endpoints: who may ask, what is asked for, and how much of it is read. */
final class HttpApi extends Handler.Abstract {
  private static final String MODELS = "/v1/models";
  private static final Map<String, String> METHODS =
      Map.of(
          "/health",
          "GET",
          "/openapi.json",
          "GET",
          MODELS,
          "GET",
          "/v1/completions",
          "POST",
          "/v1/chat/completions",
          "POST",
          "/classify",
          "POST");
  private static final Set<String> OPEN = Set.of("/health", "/openapi.json");

  private final ServedModels models;
  private final ServerLimits limits;
  private final Worker worker;
  private final byte @Nullable [] key;
  private final @Nullable String host;
  private final RequestReader reader;
  private final Readers readers;
  private final ObjectNode description;
  private final long created = System.currentTimeMillis() / 1000;

  /**
   * Of a server.
   *
   * @param apiKey what clients must show; null for nothing
   * @param host the loopback name or address that it listens at, so that only this machine may ask,
   *     under one of its own names; null for anybody
   */
  HttpApi(
      ServedModels models,
      ServerLimits limits,
      Worker worker,
      Readers readers,
      @Nullable String apiKey,
      @Nullable String host) {
    this.models = models;
    this.limits = limits;
    this.worker = worker;
    this.key = apiKey == null ? null : apiKey.getBytes(StandardCharsets.UTF_8);
    this.host = host;
    this.readers = readers;
    this.reader = new RequestReader(models, limits);
    this.description = OpenApi.of(models, limits, apiKey != null);
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    if (connection(request) instanceof WatchedEndPoint w) {
      Request.addCompletionListener(request, e -> w.answered());
    }
    try {
      route(request, response, callback);
    } catch (ApiError e) {
      RequestBody.drop(request, () -> HttpReply.send(response, callback, e));
    }
    return true;
  }

  private static EndPoint connection(Request request) {
    return request.getConnectionMetaData().getConnection().getEndPoint();
  }

  private void route(Request request, Response response, Callback callback) {
    String path = request.getHttpURI().getCanonicalPath();
    String name = path == null ? "/" : path;
    refuseStrangers(request, name);
    String method = name.startsWith(MODELS + "/") ? "GET" : METHODS.get(name);
    if (method == null) {
      throw ApiError.of(404, "not_found", "there is no " + name + "; see /openapi.json");
    }
    String asked = request.getMethod();
    if (!asked.equals(method) && !(method.equals("GET") && asked.equals("HEAD"))) {
      response.getHeaders().put(HttpHeader.ALLOW, method.equals("GET") ? "GET, HEAD" : method);
      throw ApiError.of(405, "method_not_allowed", "%s takes %s".formatted(name, method));
    }
    switch (name) {
      case "/health" ->
          HttpReply.send(
              response, callback, 200, JsonNodeFactory.instance.objectNode().put("status", "ok"));
      case "/openapi.json" -> HttpReply.send(response, callback, 200, description);
      case MODELS -> HttpReply.send(response, callback, 200, list());
      case "/v1/completions" -> read(request, response, callback, Endpoint.COMPLETIONS);
      case "/v1/chat/completions" -> read(request, response, callback, Endpoint.CHAT);
      case "/classify" -> read(request, response, callback, Endpoint.CLASSIFY);
      default -> HttpReply.send(response, callback, 200, model(name));
    }
  }

  /**
   * Of a page in a browser on this machine, whose server says that its own name is this machine's
   * address, and of those without the key.
   */
  private void refuseStrangers(Request request, String path) {
    String named = String.valueOf(Request.getServerName(request)).toLowerCase(Locale.ROOT);
    if (host != null && !named.equalsIgnoreCase(host) && !isLoopback(named)) {
      throw ApiError.of(
          403, "wrong_host", "this server is localhost, not %s; see --host".formatted(named));
    }
    if (key == null || OPEN.contains(path)) {
      return;
    }
    String shown = String.valueOf(request.getHeaders().get(HttpHeader.AUTHORIZATION));
    byte[] bearer =
        shown.regionMatches(true, 0, "Bearer ", 0, 7)
            ? shown.substring(7).strip().getBytes(StandardCharsets.UTF_8)
            : new byte[0];
    if (!MessageDigest.isEqual(key, bearer)) {
      throw ApiError.of(
          401,
          "invalid_api_key",
          "the API key is missing or wrong; send Authorization: Bearer KEY");
    }
  }

  private static boolean isLoopback(String host) {
    String bare = host.replaceAll("^\\[|\\]$", "");
    if (bare.equals("localhost") || bare.endsWith(".localhost")) {
      return true;
    }
    try {
      // Addresses only: a name is never looked up.
      return bare.matches("[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*")
          && InetAddress.getByName(bare).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private ObjectNode list() {
    ObjectNode all = JsonNodeFactory.instance.objectNode().put("object", "list");
    ArrayNode data = all.putArray("data");
    models.names().forEach(n -> data.add(described(n)));
    return all;
  }

  private ObjectNode described(String name) {
    ObjectNode model =
        JsonNodeFactory.instance
            .objectNode()
            .put("id", name)
            .put("object", "model")
            .put("created", created)
            .put("owned_by", "tune4j")
            .put("max_model_len", models.maxSeqLen());
    return name.equals(models.base()) ? model : model.put("parent", models.base());
  }

  private ObjectNode model(String path) {
    String name = URIUtil.decodePath(path.substring(MODELS.length() + 1));
    if (!models.names().contains(name)) {
      throw ApiError.of(
          404,
          "model_not_found",
          "model '%s' is not served; there are %s"
              .formatted(JsonBody.whole(name), String.join(", ", models.names())));
    }
    return described(name);
  }

  private void read(Request request, Response response, Callback callback, Endpoint endpoint) {
    String type = String.valueOf(request.getHeaders().get(HttpHeader.CONTENT_TYPE));
    if (!type.toLowerCase(Locale.ROOT).matches("application/json\\s*(;.*)?")) {
      throw ApiError.of(
          415, "unsupported_media_type", "the body's Content-Type must be application/json");
    }
    RequestBody.read(
        request,
        limits.bodyBytes(),
        body -> take(request, response, callback, body, endpoint),
        error -> HttpReply.send(response, callback, error));
  }

  private void take(
      Request request, Response response, Callback callback, byte[] body, Endpoint endpoint) {
    if (connection(request) instanceof WatchedEndPoint w) {
      w.arrived();
    }
    Duration time = limits.time();
    Pending pending = new Pending(response, callback, worker, System.nanoTime() + time.toNanos());
    // First: nothing can be asked of a request that is answered, which may be at any moment.
    var timer =
        request
            .getComponents()
            .getScheduler()
            .schedule(pending::giveUp, time.toMillis(), TimeUnit.MILLISECONDS);
    Request.addCompletionListener(request, e -> timer.cancel());
    readers.read(
        body.length,
        () ->
            pending.ask(
                () -> reader.read(endpoint, body),
                asked ->
                    HttpReply.to(
                        request,
                        response,
                        callback,
                        new AnswerJson(asked, models),
                        asked.stream())));
  }
}
