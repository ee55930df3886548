package org.tune4j.runs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.checkpointing.TensorWriter;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Chunks;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Tensor;

/**
 * What is trained and the optimiser's state as they were, released by whoever has it.
 *
 * @param updates that the optimiser has made
 * @param weights by full parameter name
 * @param optimizer by kind and full parameter name, such as {@code exp_avg.NAME}
 * @param releasing what they were kept in
 */
public record TrainedState(
    long updates,
    Map<String, StoredTensor> weights,
    Map<String, StoredTensor> optimizer,
    Runnable releasing) {
  /**
   * {@return copies, which belong to the calling thread's innermost scope}
   *
   * @param trained by full name, in the optimiser's order
   * @param optimizer over the same parameters
   */
  public static TrainedState copyOf(Map<String, Parameter> trained, Optimizer optimizer) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    trained.forEach((name, p) -> values.put(name, p.tensor()));
    return of(
        optimizer.updates(),
        copies(values),
        copies(SavedRun.optimizerTensors(optimizer, List.copyOf(trained.keySet()))));
  }

  /**
   * {@return one of tensors that are its own from now on}
   *
   * @param updates that the optimiser has made
   * @param weights by full parameter name
   * @param optimizer by kind and full parameter name
   */
  public static TrainedState of(
      long updates, Map<String, Tensor> weights, Map<String, Tensor> optimizer) {
    TensorWriter writer = new TensorWriter();
    return new TrainedState(
        updates,
        writer.stored(weights),
        writer.stored(optimizer),
        () -> {
          weights.values().forEach(Tensor::close);
          optimizer.values().forEach(Tensor::close);
        });
  }

  private static Map<String, Tensor> copies(Map<String, Tensor> tensors) {
    Map<String, Tensor> copies = new LinkedHashMap<>();
    tensors.forEach((name, t) -> copies.put(name, Chunks.copy(t)));
    return copies;
  }

  /** Gives back what the values are kept in. */
  public void release() {
    releasing.run();
  }
}
