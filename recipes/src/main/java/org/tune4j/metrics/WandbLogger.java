package org.tune4j.metrics;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;

/**
 * Stands for torchtune's logger to Weights &amp; Biases, so that its configs run: there is no
 * maintained Java client, and opening this says so and what to do instead.
 */
public final class WandbLogger implements MetricLogger.Spec {
  private static final String ACCEPTED = "accepted for torchtune's configs";

  /**
   * Takes torchtune's keys; none is looked at.
   *
   * @param project torchtune's
   * @param entity torchtune's
   * @param group torchtune's
   * @param name torchtune's
   * @param runId torchtune's
   * @param resume torchtune's
   * @param logDir torchtune's
   */
  @Component(
      value = "wandb_logger",
      aliases = {"torchtune.training.metric_logging.WandBLogger"})
  public WandbLogger(
      @Doc(ACCEPTED) @Nullable String project,
      @Doc(ACCEPTED) @Nullable String entity,
      @Doc(ACCEPTED) @Nullable String group,
      @Doc(ACCEPTED) @Nullable String name,
      @Doc(ACCEPTED) @Nullable String runId,
      @Doc(ACCEPTED) @Nullable String resume,
      @Doc(ACCEPTED) @Nullable Path logDir) {}

  @Override
  public String name() {
    return "wandb_logger";
  }

  @Override
  public MetricLogger open(LoggedRun run) {
    throw new EnvironmentException(
        "Weights & Biases has no maintained Java client; use tensorboard_logger and upload its folder with `wandb sync FOLDER`");
  }
}
