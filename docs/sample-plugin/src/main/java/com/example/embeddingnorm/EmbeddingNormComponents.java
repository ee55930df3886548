package com.example.embeddingnorm;

import java.util.List;
import org.tune4j.component.ComponentProvider;

/** What this plugin brings. */
public final class EmbeddingNormComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(EmbeddingNormRecipe.class, EmbeddingNormTable.class);
  }
}
