package org.tune4j.metrics;

import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * Sends metrics, and the config as parameters, to an MLflow tracking server. A run that goes on
 * goes on in its MLflow run: what that has is not sent again, what it lacks is.
 */
public final class MlflowLogger implements MetricLogger.Spec {
  private final @Nullable String experimentName;
  private final @Nullable URI trackingUri;
  private final @Nullable String runId;
  private final @Nullable String runName;
  private final Map<String, String> environment;

  /**
   * A logger to a server, of which nothing is asked yet.
   *
   * @param experimentName made if there is none; null for {@code MLFLOW_EXPERIMENT_NAME}, or {@code
   *     Default}
   * @param trackingUri {@code http://HOST:PORT}; null for {@code MLFLOW_TRACKING_URI}
   * @param runId of a run to log to; null for {@code MLFLOW_RUN_ID}, or a new one
   * @param runName null for {@code MLFLOW_RUN_NAME}, or a name that the server makes
   * @throws UsageException when {@code trackingUri} is no HTTP address, or holds a user or a
   *     password
   */
  @Component(
      value = "mlflow_logger",
      aliases = {"torchtune.training.metric_logging.MLFlowLogger"})
  public MlflowLogger(
      @Doc("created if missing; null for MLFLOW_EXPERIMENT_NAME or Default")
          @Nullable String experimentName,
      @Doc("http://HOST:PORT; null for MLFLOW_TRACKING_URI") @Nullable String trackingUri,
      @Doc("a run to log to; null for MLFLOW_RUN_ID or a new one") @Nullable String runId,
      @Doc("null for MLFLOW_RUN_NAME or a name chosen by the server") @Nullable String runName) {
    this(experimentName, trackingUri, runId, runName, System.getenv());
  }

  MlflowLogger(
      @Nullable String experimentName,
      @Nullable String trackingUri,
      @Nullable String runId,
      @Nullable String runName,
      Map<String, String> environment) {
    this.experimentName = experimentName;
    this.trackingUri = trackingUri == null ? null : server("tracking_uri", trackingUri);
    this.runId = runId;
    this.runName = runName;
    this.environment = environment;
  }

  private static URI server(String key, String text) {
    URI uri;
    try {
      uri = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          "mlflow_logger: %s is '%s', expected http://HOST:PORT".formatted(key, text), e);
    }
    if (uri.getUserInfo() != null) {
      throw new UsageException(
          "mlflow_logger: %s holds a user or password; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
              .formatted(key));
    }
    if (!Set.of("http", "https").contains(String.valueOf(uri.getScheme()))
        || uri.getHost() == null) {
      throw new UsageException(
          "mlflow_logger: %s is '%s', expected http://HOST:PORT of an `mlflow server`"
              .formatted(key, text));
    }
    return uri;
  }

  private @Nullable String orElse(@Nullable String value, String variable) {
    return value != null ? value : environment.get(variable);
  }

  @Override
  public String name() {
    return "mlflow_logger";
  }

  @Override
  public boolean remote() {
    return true;
  }

  @Override
  public MetricLogger open(LoggedRun run) throws IOException {
    URI server = trackingUri;
    if (server == null) {
      String variable = "MLFLOW_TRACKING_URI";
      String text = environment.get(variable);
      if (text == null) {
        throw new EnvironmentException("neither tracking_uri nor " + variable + " names a server");
      }
      server = server(variable, text);
    }
    String experiment = orElse(experimentName, "MLFLOW_EXPERIMENT_NAME");
    return MlflowRun.open(
        new MlflowApi(server, environment),
        run,
        "mlflow %s %s".formatted(server, experiment),
        experiment == null ? "Default" : experiment,
        orElse(runId, "MLFLOW_RUN_ID"),
        orElse(runName, "MLFLOW_RUN_NAME"));
  }
}
