package org.tune4j.models;

import java.util.List;
import org.tune4j.component.ComponentProvider;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.models.codellama2.CodeLlama2;
import org.tune4j.models.llama2.Llama2;
import org.tune4j.models.llama3.Llama3;
import org.tune4j.models.llama31.Llama31;
import org.tune4j.models.llama32.Llama32;
import org.tune4j.models.mistral.Mistral;
import org.tune4j.models.smollm2.SmolLm2;

/** The model builders that a config can name. */
public final class ModelComponents implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(
        Llama2.class,
        CodeLlama2.class,
        Llama3.class,
        Llama31.class,
        Llama32.class,
        Mistral.class,
        SmolLm2.class,
        AutoModel.class);
  }
}
