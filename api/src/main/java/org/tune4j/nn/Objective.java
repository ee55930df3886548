package org.tune4j.nn;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What training minimises: a sum over rows, divided by {@link #count}. A {@link Loss} is the
 * objective of supervised fine-tuning; others compare rows, or the model with itself without
 * adapters.
 *
 * <p>The sum of a batch is the sum of its groups of rows, which are evaluated by several threads at
 * once.
 */
public interface Objective {
  /** {@return labels whose logits exist at once, 1 or more} */
  int chunkTokens();

  /**
   * {@return how many consecutive rows of the data belong together, 1 or more: they come to the
   * same {@link #evaluate}, in their order}
   */
  default int rowsTogether() {
    return 1;
  }

  /**
   * {@return whether {@link #evaluate} asks for the {@linkplain
   * RowsAtHead#referenceLogProbabilities reference}, which takes a forward without adapters}
   */
  default boolean needsReference() {
    return false;
  }

  /**
   * {@return the names of the {@linkplain Sums#metrics metrics}, in the order they are logged in}
   */
  default List<String> metrics() {
    return List.of();
  }

  /**
   * {@return what the sums over some rows are divided by, such as their label tokens or pairs}
   *
   * @param rows how many there are
   * @param labelTokens how many labels they have together
   */
  long count(long rows, long labelTokens);

  /**
   * Evaluates some rows; gradients are taken by the methods of {@code rows}.
   *
   * @param rows a multiple of {@link #rowsTogether}; used within the call, by its thread
   * @return the sums over these rows
   */
  Sums evaluate(RowsAtHead rows);

  /**
   * Sums over rows.
   *
   * @param loss what is minimised
   * @param metrics what is logged besides, by the names of {@link Objective#metrics}; each is
   *     divided as the loss is
   */
  record Sums(double loss, Map<String, Double> metrics) {
    /** Nothing. */
    public static final Sums ZERO = of(0);

    /**
     * {@return a loss without metrics}
     *
     * @param loss the sum over the rows
     */
    public static Sums of(double loss) {
      return new Sums(loss, Map.of());
    }

    /**
     * {@return both added up}
     *
     * @param other of other rows
     */
    public Sums plus(Sums other) {
      Map<String, Double> all = new LinkedHashMap<>(metrics);
      other.metrics.forEach((name, value) -> all.merge(name, value, Double::sum));
      return new Sums(loss + other.loss, Collections.unmodifiableMap(all));
    }
  }
}
