package com.example.outputscale;

import java.util.List;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.checkpoint.PeftAdapter;

/** Reads a saved adapter whose peft_type is OUTPUT_SCALE. */
public final class OutputScaleType implements AdapterType {
  static final String PEFT_TYPE = "OUTPUT_SCALE";

  @Override
  public String peftType() {
    return PEFT_TYPE;
  }

  /** A tensor's name is {@code base_model.model.}, the linear's path, {@code .output_scale}. */
  @Override
  public SavedAdapter read(PeftAdapter folder) {
    return SavedAdapter.of(
        folder,
        List.of(OutputScale.SCALE),
        ModulesToSave.NONE,
        linears -> new OutputScaleConfig(TargetModules.of(linears)));
  }
}
