package org.tune4j.optim;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Updates parameters in place. Its state is owned by the scope in which it was made. */
public interface Optimizer {
  /** What a config names; made into an optimiser once the parameters are there. */
  interface Spec {
    /**
     * A tensor that is kept of a parameter.
     *
     * @param dtype of its elements
     * @param shape such as the parameter's
     */
    record Kept(DType dtype, Shape shape) {
      /**
       * {@return one of a parameter's shape and type}
       *
       * @param parameter that it is kept of
       */
      public static Kept like(Parameter parameter) {
        return new Kept(parameter.dtype(), parameter.shape());
      }

      long bytes() {
        return shape.elements() * dtype.bytes();
      }
    }

    /** {@return the learning rate before the schedule's factor} */
    double lr();

    /**
     * {@return the same in a step, where it depends on that}
     *
     * @param step from 0
     */
    default double lr(long step) {
      return lr();
    }

    /**
     * {@return what is kept of a parameter, by kind, such as {@code exp_avg}}
     *
     * @param parameter with or without storage
     */
    Map<String, Kept> kept(Parameter parameter);

    /**
     * {@return bytes that it keeps of a parameter}
     *
     * @param parameter with or without storage
     */
    default long bytes(Parameter parameter) {
      return kept(parameter).values().stream().mapToLong(Kept::bytes).sum();
    }

    /**
     * {@return bytes of a parameter that are copied for a checkpoint}
     *
     * @param parameter with or without storage
     */
    default long savedBytes(Parameter parameter) {
      return Kept.like(parameter).bytes() + bytes(parameter);
    }

    /**
     * {@return whether an element's update depends on that element alone, so that ranks can each
     * update a stretch of a parameter}
     */
    default boolean elementwise() {
      return true;
    }

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
   * {@return what it keeps of a parameter by kind, such as {@code exp_avg}, not copied; empty where
   * that is nothing}
   *
   * @param parameter its position in {@link Spec#create}'s list
   */
  Map<String, Tensor> state(int parameter);

  /** {@return what it keeps besides, by name; empty where that is nothing} */
  default Map<String, Double> numbers() {
    return Map.of();
  }

  /**
   * Goes on from these, behind {@link #setUpdates}.
   *
   * @param numbers as {@link #numbers} gave them
   */
  default void setNumbers(Map<String, Double> numbers) {}

  /**
   * Does something with the parameters as they are evaluated and saved, which may be an average of
   * those that are trained. Afterwards every bit is as it was.
   *
   * @param <T> what {@code work} gives
   * @param work with the parameters' values; may ask for {@link #state}
   * @return what {@code work} gave
   */
  default <T> T atResult(Supplier<T> work) {
    return work.get();
  }
}
