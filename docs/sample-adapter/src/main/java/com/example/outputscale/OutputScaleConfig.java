package com.example.outputscale;

import java.util.List;
import java.util.Map;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.TargetModules;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;

/** Which linears have a scale. */
record OutputScaleConfig(TargetModules targets) implements AdapterConfig {
  @Override
  public AdapterType type() {
    return new OutputScaleType();
  }

  @Override
  public LinearAdapter create(String path, Linear linear) {
    return new OutputScale(linear.out(), linear.adapterDtype());
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    return Map.of("peft_type", OutputScaleType.PEFT_TYPE, "target_modules", targetModules);
  }
}
