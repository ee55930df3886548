package com.example.margin;

import java.util.List;
import org.tune4j.component.ComponentProvider;

/** The components of this plugin. */
public final class MarginComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(MarginLoss.class);
  }
}
