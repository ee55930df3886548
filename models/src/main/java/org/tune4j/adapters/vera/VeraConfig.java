package org.tune4j.adapters.vera;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.component.Requirements;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;

/** Which linears are adapted and how, by the names of PEFT's {@code VeraConfig}. */
public final class VeraConfig implements AdapterConfig {
  private final TargetModules targets;
  private final int rank;
  private final double dInitial;
  private final double dropout;
  private final ModulesToSave modulesToSave;
  private final @Nullable VeraProjections shared;

  /**
   * Adapters of linears.
   *
   * @param targets the adapted linears
   * @param rank of the projections, 1 or more
   * @param dInitial first value of {@code vera_lambda_d}
   * @param dropout probability of dropping an element before {@code vera_A}, in [0, 1)
   * @param modulesToSave modules of which a copy is trained
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public VeraConfig(
      TargetModules targets,
      int rank,
      double dInitial,
      double dropout,
      ModulesToSave modulesToSave) {
    this(targets, rank, dInitial, dropout, modulesToSave, null);
    new Requirements()
        .atLeast(1, "vera_rank", rank)
        .that(
            dropout >= 0 && dropout < 1,
            "vera_dropout is %s, expected 0 to below 1".formatted(dropout))
        .check();
  }

  private VeraConfig(
      TargetModules targets,
      int rank,
      double dInitial,
      double dropout,
      ModulesToSave modulesToSave,
      @Nullable VeraProjections shared) {
    this.targets = targets;
    this.rank = rank;
    this.dInitial = dInitial;
    this.dropout = dropout;
    this.modulesToSave = modulesToSave;
    this.shared = shared;
  }

  int rank() {
    return rank;
  }

  double dInitial() {
    return dInitial;
  }

  double dropout() {
    return dropout;
  }

  @Override
  public AdapterType type() {
    return new VeraType();
  }

  @Override
  public TargetModules targets() {
    return targets;
  }

  @Override
  public ModulesToSave modulesToSave() {
    return modulesToSave;
  }

  @Override
  public AdapterConfig saving(String module) {
    return new VeraConfig(targets, rank, dInitial, dropout, modulesToSave.with(module), shared);
  }

  @Override
  public AdapterConfig over(Collection<Linear> linears) {
    VeraProjections own = linears.isEmpty() ? null : new VeraProjections(linears, rank);
    return new VeraConfig(targets, rank, dInitial, dropout, modulesToSave, own);
  }

  @Override
  public LinearAdapter create(String path, Linear linear) {
    return new VeraAdapter(linear, this, Objects.requireNonNull(shared, "of no model yet"));
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("bias", "none");
    fields.put("d_initial", dInitial);
    fields.put("fan_in_fan_out", false);
    fields.put("inference_mode", true);
    fields.put("init_weights", true);
    fields.put("modules_to_save", modulesToSave.names().isEmpty() ? null : modulesToSave.names());
    fields.put("peft_type", VeraType.PEFT_TYPE);
    fields.put("projection_prng_key", 0);
    fields.put("r", rank);
    fields.put("save_projection", true);
    fields.put("target_modules", targetModules);
    fields.put(SavedAdapter.TASK_TYPE, SavedAdapter.TOKENS);
    fields.put("vera_dropout", dropout);
    return fields;
  }
}
