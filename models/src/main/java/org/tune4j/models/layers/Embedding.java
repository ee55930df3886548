package org.tune4j.models.layers;

import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Rows of a table by token id. */
public final class Embedding extends Adaptable<EmbeddingAdapter> {
  private final Parameter weight;

  /**
   * A table {@code [vocab, dim]}, trainable, without storage.
   *
   * @param vocab how many ids there are
   * @param dim width of a row
   * @param dtype of the table
   */
  public Embedding(long vocab, long dim, DType dtype) {
    super(dtype);
    weight = add(new Parameter("weight", Shape.of(vocab, dim), dtype, true));
  }

  /** {@return the table, {@code [vocab, dim]}} */
  public Parameter weight() {
    return weight;
  }

  /**
   * {@return the ids' rows, {@code [tokens, dim]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param tokens ids below {@code vocab}
   */
  public Tensor forward(Pass pass, int[] tokens) {
    EmbeddingAdapter adapter = adapterOf(pass);
    return adapter == null
        ? pass.value(weight).indexSelect(pass.engine().indices(tokens))
        : adapter.forward(pass, tokens);
  }

  @Override
  protected String details() {
    return "%d, %d".formatted(weight.shape().size(0), weight.shape().size(1));
  }
}
