package org.tune4j.models.layers;

import java.util.Optional;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Tensor;

/** What changes an {@link Embedding}. */
public abstract non-sealed class EmbeddingAdapter extends Adapter {
  /** An adapter without storage. */
  protected EmbeddingAdapter() {}

  /**
   * {@return the ids' rows, {@code [tokens, dim]}, owned by the calling thread's scope}
   *
   * @param pass of the calling thread
   * @param tokens ids below the table's rows
   */
  public abstract Tensor forward(Pass pass, int[] tokens);

  /**
   * {@return the adapter of a head over the same table, with which it changes as the embedding
   * does; empty where the head stays as it is, as by default}
   *
   * @param path of the embedding in the model
   * @param head that is tied to the embedding
   */
  public Optional<LinearAdapter> tied(String path, Linear head) {
    return Optional.empty();
  }
}
