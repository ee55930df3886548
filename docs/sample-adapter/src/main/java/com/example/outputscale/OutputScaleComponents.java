package com.example.outputscale;

import java.util.List;
import org.tune4j.component.ComponentProvider;

/** The components of this plugin. */
public final class OutputScaleComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(OutputScaleModel.class);
  }
}
