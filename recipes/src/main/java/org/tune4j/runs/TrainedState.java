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
 * @param numbers that it keeps
 * @param weights by full parameter name
 * @param optimizer by kind and full parameter name, such as {@code exp_avg.NAME}
 * @param releasing what they were kept in
 */
public record TrainedState(
    long updates,
    Map<String, Double> numbers,
    Map<String, StoredTensor> weights,
    Map<String, StoredTensor> optimizer,
    Runnable releasing) {
  /**
   * {@return copies of the results and the state, which belong to the calling thread's innermost
   * scope}
   *
   * @param trained by full name, in the optimiser's order
   * @param optimizer over the same parameters
   */
  public static TrainedState copyOf(Map<String, Parameter> trained, Optimizer optimizer) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    trained.forEach((name, p) -> values.put(name, p.tensor()));
    return optimizer.atResult(
        () ->
            of(
                optimizer,
                copies(values),
                copies(SavedRun.optimizerTensors(optimizer, List.copyOf(trained.keySet())))));
  }

  /**
   * {@return one of tensors that are its own from now on}
   *
   * @param optimizer gives its counts
   * @param weights by full parameter name
   * @param states of the optimiser by kind and full parameter name
   */
  public static TrainedState of(
      Optimizer optimizer, Map<String, Tensor> weights, Map<String, Tensor> states) {
    TensorWriter writer = new TensorWriter();
    return new TrainedState(
        optimizer.updates(),
        optimizer.numbers(),
        writer.stored(weights),
        writer.stored(states),
        () -> {
          weights.values().forEach(Tensor::close);
          states.values().forEach(Tensor::close);
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
