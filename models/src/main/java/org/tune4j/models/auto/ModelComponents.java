package org.tune4j.models.auto;

import java.util.List;
import org.tune4j.component.ComponentProvider;
import org.tune4j.models.llama.CodeLlama2;
import org.tune4j.models.llama.Llama2;
import org.tune4j.models.llama.Llama3;
import org.tune4j.models.llama.Llama31;
import org.tune4j.models.llama.Llama32;
import org.tune4j.models.llama.SmolLm2;
import org.tune4j.models.mistral.Mistral;

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
