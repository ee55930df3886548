package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Tensor;

/** Updates parameters in place. Its state is owned by the scope in which it was made. */
public interface Optimizer {
  /** What a config names; made into an optimiser once the parameters are there. */
  interface Spec {
    /** {@return the learning rate before the schedule's factor} */
    double lr();

    /** {@return how many tensors of state a parameter has, each of its shape and type} */
    int moments();

    /**
     * {@return an optimiser with empty state, owned by the calling thread's innermost scope}
     *
     * @param parameters that have storage
     */
    Optimizer create(List<Parameter> parameters);

    /**
     * {@return the same, where a parameter's name can make a difference; by default none does}
     *
     * @param parameters that have storage, by full name
     * @throws org.tune4j.UsageException when the names are not those that it is made for
     */
    default Optimizer create(Map<String, Parameter> parameters) {
      return create(List.copyOf(parameters.values()));
    }
  }

  /**
   * One update of all parameters.
   *
   * @param gradients one a parameter, in the order of {@link Spec#create}, of its shape and type
   * @param lr the learning rate of this step
   */
  default void step(List<Tensor> gradients, double lr) {
    setUpdates(updates() + 1);
    for (int i = 0; i < gradients.size(); i++) {
      update(i, gradients.get(i), lr);
    }
  }

  /**
   * The part of an update that concerns one parameter, after {@link #setUpdates} has counted it.
   *
   * @param parameter its position in {@link Spec#create}'s list
   * @param gradient of its shape and type
   * @param lr the learning rate of this step
   */
  void update(int parameter, Tensor gradient, double lr);

  /** {@return how many updates it has made} */
  long updates();

  /**
   * Counts on.
   *
   * @param updates that were made, such as by the run that this one goes on from
   */
  void setUpdates(long updates);

  /**
   * {@return its state by kind, such as {@code exp_avg}: a tensor a parameter, in order, not
   * copied; empty where it has none}
   */
  Map<String, List<Tensor>> state();
}
