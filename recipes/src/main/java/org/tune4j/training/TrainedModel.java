package org.tune4j.training;

import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;

/** A model as a step sees it: what this rank runs its rows through, and what it updates. */
public interface TrainedModel {
  /** {@return the model that this rank runs its rows through} */
  Decoder decoder();

  /**
   * {@return what runs a micro-batch's rows through it, in groups where the model allows that;
   * open, the caller closes it}
   *
   * @param threads groups at once, or the backend's own threads where there is one group
   * @param objective what is minimised
   */
  RowsOverThreads rows(int threads, Objective objective);

  /**
   * {@return what this rank's optimiser updates, in its order: parameters by full name, or the
   * shards of parts}
   */
  Map<String, Parameter> trained();

  /** {@return whether each rank keeps and updates shards alone} */
  boolean sharded();

  /**
   * {@return what collects the gradients of an update's passes}
   *
   * @param sums over {@link #trained}
   * @param loss is told each pass's
   * @throws IllegalStateException when the model is not {@link #sharded}
   */
  ShardSink sink(Gradients sums, DoubleConsumer loss);

  /** Adds gradients to the ranks' sums, a part at a time, while the pass goes on. */
  interface ShardSink extends Pass.GradientSink {
    /** Waits for what is under way. */
    void finish();

    /** {@return the full names of the parameters that no loss of this rank has depended on} */
    List<String> withoutGradient();
  }
}
