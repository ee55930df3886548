package com.example.outputscale;

import java.util.List;
import org.tune4j.adapters.TargetModules;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;
import org.tune4j.component.Provided;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;

/** The builder that a config names. */
public final class OutputScaleModel {
  private OutputScaleModel() {}

  @Component("output_scale_auto")
  public static ModelSpec model(
      @Provided ModelRegistry models,
      @Doc("Linears to adapt, such as [k_proj, v_proj].") List<String> targetModules) {
    OutputScaleConfig config = new OutputScaleConfig(TargetModules.of(targetModules));
    return new ModelSpec("output_scale_auto", models, null, config);
  }
}
