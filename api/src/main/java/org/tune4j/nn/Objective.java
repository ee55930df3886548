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

  /** How a data set rates the answers in its rows. */
  enum Rating {
    /** In any way, or not at all. */
    ANY,
    /** Not at all. */
    NONE,
    /** Rows come in pairs, an answer that was chosen and one that was rejected. */
    PAIRS,
    /** Each row's answer is desirable or not. */
    EACH,
    /** Each row is a text of a class, by its number. */
    CLASSES,
    /** Rows are prompts; their answers are sampled while it trains, and rewarded. */
    SAMPLED
  }

  /** {@return how the rows must be {@linkplain RowsAtHead#rating rated}} */
  default Rating rating() {
    return Rating.ANY;
  }

  /**
   * {@return whether it is of classifiers: each row has one label, at the last token that is no
   * padding, and {@link #evaluate} asks for the {@linkplain RowsAtHead#scores scores} there}
   */
  default boolean scoresRows() {
    return false;
  }

  /**
   * {@return whether {@link #evaluate} asks for the {@linkplain
   * RowsAtHead#referenceLogProbabilities reference}, which takes a forward without adapters}
   */
  default boolean needsReference() {
    return false;
  }

  /**
   * {@return whether {@link #evaluate} asks for the {@linkplain RowsAtHead#promptLogProbabilities
   * prompt} of a row}
   *
   * @param row its number among those that are evaluated together
   */
  default boolean needsPrompt(int row) {
    return false;
  }

  /**
   * {@return the objective of one micro-batch: this, unless it depends on more of its rows than one
   * thread sees}
   *
   * @param batch all rows of the micro-batch, on all ranks; may be empty
   */
  default Objective of(MicroBatch batch) {
    return this;
  }

  /**
   * {@return the names of the {@linkplain Sums#metrics metrics}, in the order they are logged in}
   */
  default List<String> metrics() {
    return List.of();
  }

  /**
   * {@return what is logged of the metrics: each sum divided as the loss is}
   *
   * @param sums of a step, or of all validation rows, by the names of {@link #metrics}
   * @param count what the loss is divided by
   */
  default Map<String, Double> means(Map<String, Double> sums, long count) {
    Map<String, Double> means = new LinkedHashMap<>();
    sums.forEach((name, sum) -> means.put(name, sum / count));
    return means;
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
   * @param metrics what is logged besides, by the names of {@link Objective#metrics}, as {@link
   *     Objective#means} makes it of their sums
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
