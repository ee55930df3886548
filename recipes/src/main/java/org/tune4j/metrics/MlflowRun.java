package org.tune4j.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.metrics.MetricLogger.Outcome;

/** A run on an MLflow server. Every call may be repeated after an {@link IOException}. */
final class MlflowRun implements MetricLogger {
  // A request's limits, and those of the oldest servers for a parameter.
  private static final int MAX_METRICS = 1000;
  private static final int MAX_PARAMS = 100;
  private static final int MAX_KEY = 250;
  private static final int MAX_VALUE = 500;

  private static final String CUT = "...";

  private final MlflowApi api;
  private final String id;

  /** Steps of a killed process that the server has already: they are not sent twice. */
  private final Set<Long> present;

  private final Queue<Timed> unsent = new ArrayDeque<>();

  /** The time is taken once, so that a repeated request says the same. */
  private record Timed(StepMetrics metrics, long millis) {}

  private MlflowRun(MlflowApi api, String id, Set<Long> present) {
    this.api = api;
    this.id = id;
    this.present = present;
  }

  /**
   * Finds or makes the run.
   *
   * @param target what the run's id is noted under
   * @param givenId a run that is to be used; null for the noted or a new one
   */
  static MlflowRun open(
      MlflowApi api,
      LoggedRun run,
      String target,
      String experiment,
      @Nullable String givenId,
      @Nullable String runName)
      throws IOException {
    Optional<JsonNode> found = Optional.empty();
    Optional<String> noted = run.notes().get(target);
    if (noted.isPresent()) {
      found = api.find("runs/get", Map.of("run_id", noted.get()));
    }
    if (found.isEmpty() && givenId != null) {
      found = Optional.of(api.get("runs/get", Map.of("run_id", givenId)));
    }
    JsonNode there =
        found.isPresent()
            ? found.get().path("run")
            : create(api, experimentId(api, experiment), runName);
    String id = there.path("info").path("run_id").asText();
    run.notes().put(target, id);
    if (found.isPresent()) {
      api.post("runs/update", MlflowApi.object().put("run_id", id).put("status", "RUNNING"));
    }
    logParams(api, id, run.context().settings(), there.path("data").path("params"));
    Set<Long> present = noted.isPresent() && run.step() > 0 ? steps(api, id) : Set.of();
    MlflowRun opened = new MlflowRun(api, id, present);
    run.earlier().forEach(opened::log);
    opened.flush();
    return opened;
  }

  private static String experimentId(MlflowApi api, String name) throws IOException {
    Map<String, String> query = Map.of("experiment_name", name);
    Optional<JsonNode> found = api.find("experiments/get-by-name", query);
    if (found.isEmpty()) {
      try {
        return api.post("experiments/create", MlflowApi.object().put("name", name))
            .path("experiment_id")
            .asText();
      } catch (EnvironmentException e) {
        // Another run may have made it in between.
        found = api.find("experiments/get-by-name", query);
        if (found.isEmpty()) {
          throw e;
        }
      }
    }
    return found.get().path("experiment").path("experiment_id").asText();
  }

  private static JsonNode create(MlflowApi api, String experimentId, @Nullable String name)
      throws IOException {
    ObjectNode body =
        MlflowApi.object()
            .put("experiment_id", experimentId)
            .put("start_time", System.currentTimeMillis());
    if (name != null) {
      body.put("run_name", name);
    }
    ArrayNode tags = body.putArray("tags");
    tags.addObject().put("key", "mlflow.user").put("value", System.getProperty("user.name", ""));
    tags.addObject().put("key", "mlflow.source.name").put("value", "tune4j");
    tags.addObject().put("key", "mlflow.source.type").put("value", "LOCAL");
    return api.post("runs/create", body).path("run");
  }

  /** The config; parameters cannot be changed, so those that a resumed run has stay as they are. */
  private static void logParams(
      MlflowApi api, String id, Map<String, String> settings, JsonNode existing)
      throws IOException {
    Map<String, String> missing = new HashMap<>();
    settings.forEach((key, value) -> missing.put(key(key), cut(value, MAX_VALUE)));
    existing.forEach(p -> missing.remove(p.path("key").asText()));
    ObjectNode body = batch(id);
    for (Map.Entry<String, String> param : missing.entrySet()) {
      body.withArray("params")
          .addObject()
          .put("key", param.getKey())
          .put("value", param.getValue());
      if (body.path("params").size() == MAX_PARAMS) {
        api.post("runs/log-batch", body);
        body = batch(id);
      }
    }
    if (body.has("params")) {
      api.post("runs/log-batch", body);
    }
  }

  private static ObjectNode batch(String id) {
    return MlflowApi.object().put("run_id", id);
  }

  /** Of the characters that MLflow takes. */
  private static String key(String name) {
    return cut(name.replaceAll("[^\\p{Alnum}_. /-]", "_"), MAX_KEY);
  }

  private static String cut(String text, int length) {
    return text.length() <= length ? text : text.substring(0, length - CUT.length()) + CUT;
  }

  /** The steps that the server has. */
  private static Set<Long> steps(MlflowApi api, String id) throws IOException {
    Set<Long> steps = new HashSet<>();
    Map<String, String> query = new HashMap<>(Map.of("run_id", id, "metric_key", "loss"));
    String next;
    do {
      JsonNode page = api.find("metrics/get-history", query).orElseGet(MlflowApi::object);
      page.path("metrics").forEach(m -> steps.add(m.path("step").asLong()));
      next = page.path("next_page_token").asText();
      query.put("page_token", next);
    } while (!next.isEmpty());
    return steps;
  }

  @Override
  public void log(StepMetrics metrics) {
    if (!present.contains(metrics.step())) {
      unsent.add(new Timed(metrics, System.currentTimeMillis()));
    }
  }

  /** Sends whole steps, as many as a request may hold. */
  @Override
  public void flush() throws IOException {
    while (!unsent.isEmpty()) {
      ObjectNode body = batch(id);
      ArrayNode entries = body.putArray("metrics");
      int steps = 0;
      for (Timed t : unsent) {
        Map<String, Number> values = t.metrics().values();
        if (entries.size() + values.size() > MAX_METRICS) {
          break;
        }
        values.forEach(
            (key, value) ->
                entries
                    .addObject()
                    .put("key", key)
                    .put("value", value.doubleValue())
                    .put("timestamp", t.millis())
                    .put("step", t.metrics().step()));
        steps++;
      }
      api.post("runs/log-batch", body);
      for (; steps > 0; steps--) {
        unsent.remove();
      }
    }
  }

  @Override
  public void close(Outcome outcome) throws IOException {
    String status =
        switch (outcome) {
          case FINISHED -> "FINISHED";
          case STOPPED -> "KILLED";
          case FAILED -> "FAILED";
        };
    api.post(
        "runs/update",
        MlflowApi.object()
            .put("run_id", id)
            .put("status", status)
            .put("end_time", System.currentTimeMillis()));
  }
}
