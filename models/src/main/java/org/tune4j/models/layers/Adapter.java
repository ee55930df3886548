package org.tune4j.models.layers;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.nn.Module;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * What changes a module: one object a module, with everything about itself. Its parameters are
 * named as PEFT names them below the module's path, such as {@code lora_A.weight}. They have
 * storage after {@link #initialise} or loading.
 *
 * <p>Holds no state of a pass, so that threads share it.
 */
public abstract sealed class Adapter extends Module
    permits LinearAdapter, EmbeddingAdapter, ExpertsAdapter {
  /** An adapter without storage. */
  protected Adapter() {}

  /**
   * Gives the parameters their first values, with which the module computes what it did without.
   * They belong to the calling thread's innermost scope. The module's own parameters have storage.
   *
   * @param engine that makes the tensors
   * @param path of the module in the model
   * @param seed any number; the same seed and path give the same values on every backend
   */
  public abstract void initialise(Engine engine, String path, long seed);

  /**
   * Derives what it needs besides its saved parameters, once they are loaded; by default nothing.
   * The module's own parameters have storage. What is made belongs to the calling thread's
   * innermost scope.
   *
   * @param engine that makes the tensors
   */
  public void derive(Engine engine) {}

  /**
   * {@return whether merging changes one of the module's own parameters; by default its weight}
   *
   * @param parameter its name below the module's path
   */
  public boolean changes(String parameter) {
    return parameter.equals("weight");
  }

  /**
   * {@return a parameter of the module with the adapter folded in, in fp32 or wider; belongs to the
   * innermost scope}
   *
   * @param parameter one that it {@link #changes}
   * @param value its values, in fp32 or wider
   */
  public abstract Tensor merge(String parameter, Tensor value);

  /** {@return why it cannot be merged; empty where it can} */
  public Optional<String> unmergeable() {
    return Optional.empty();
  }

  /**
   * {@return the parameters' values by name as a finished adapter is saved, which {@link
   * org.tune4j.adapters.AdapterConfig#finished} describes; by default those that it has} What is
   * made belongs to the innermost scope.
   */
  public Map<String, Tensor> finished() {
    Map<String, Tensor> values = new LinkedHashMap<>();
    parameters().forEach((name, p) -> values.put(name, p.tensor()));
    return values;
  }

  /** {@return elements that a token keeps for backward, besides the module's input} */
  public abstract long keptPerToken();

  /**
   * {@return what to set so that a saved tensor of another shape fits, as {@code has rank 8, the
   * model's 4; set lora_rank=8}; empty where nothing would help}
   *
   * @param parameter its name below the module's path
   * @param found the saved tensor's shape
   */
  public Optional<String> explain(String parameter, Shape found) {
    return Optional.empty();
  }

  /**
   * {@return what the file of a saved adapter calls a parameter}
   *
   * @param path of the module in the model
   * @param parameter its name below that path
   */
  public String savedName(String path, String parameter) {
    return PeftAdapter.PREFIX + path + "." + parameter;
  }

  /** How the adapted module's printed form shows it: its type and sizes. */
  final String describe() {
    return "%s(%s)".formatted(getClass().getSimpleName(), details());
  }
}
