package org.tune4j.cli.config;

import java.util.Map;
import org.tune4j.UsageException;
import org.tune4j.config.Bound;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.RunConfigs;
import org.tune4j.recipe.Recipe;

/** Builds a recipe for each run that a config describes. */
public final class BoundRuns {
  private BoundRuns() {}

  /**
   * {@return the recipes by adapter, and what a user should know of them; a single one under the
   * empty name}
   *
   * @param known what the configs may name
   * @param recipe its name
   * @param configs of the runs
   * @throws org.tune4j.ConfigException with every problem of the configs, each with its place
   * @throws UsageException when there is no such recipe, or several adapters are to be trained by
   *     one that cannot
   */
  public static Bound<Map<String, Recipe>> of(
      ComponentRegistry known, String recipe, RunConfigs configs) {
    Bound<Map<String, Recipe>> bound = configs.bound(known, Recipe.class, recipe);
    for (Recipe one : bound.component().values()) {
      if (configs.several() && !one.takesTurns()) {
        throw new UsageException(
            "section adapters: recipe %s %s; use a recipe that trains adapters on one device, such as lora_finetune_single_device"
                .formatted(
                    recipe,
                    one.distributed()
                        ? "runs on several ranks"
                        : "does not train adapters in turn"));
      }
    }
    return bound;
  }
}
