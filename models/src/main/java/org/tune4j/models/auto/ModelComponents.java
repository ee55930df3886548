package org.tune4j.models.auto;

import java.util.List;
import java.util.Map;
import org.tune4j.component.ComponentProvider;

/** The model builders that a config can name. */
public final class ModelComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(AutoModel.class);
  }

  @Override
  public Map<String, SizedModel> objects() {
    return SizedModel.all();
  }
}
