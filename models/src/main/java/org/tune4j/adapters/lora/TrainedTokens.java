package org.tune4j.adapters.lora;

import java.util.List;
import java.util.Optional;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.EmbeddingAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** Trained rows in place of some of an embedding's. */
final class TrainedTokens extends EmbeddingAdapter {
  private final Embedding embedding;
  private final TokenRows rows;

  TrainedTokens(Embedding embedding, List<Integer> indices) {
    this.embedding = embedding;
    rows =
        add(TokenRows.NAME, new TokenRows(embedding.weight(), embedding.adapterDtype(), indices));
  }

  @Override
  public Tensor forward(Pass pass, int[] tokens) {
    Tensor own = pass.value(rows.values());
    Tensor all = pass.value(embedding.weight()).indexSelect(pass.engine().indices(tokens));
    return rows.replaced(all.dtype() == own.dtype() ? all : all.cast(own.dtype()), own, tokens);
  }

  /** As in PEFT, the head's rows are trained with the embedding's. */
  @Override
  public Optional<LinearAdapter> tied(String path, Linear head) {
    return Optional.of(new TrainedHead(head, rows, path));
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    rows.initialise(engine);
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    return rows.merge(value);
  }

  @Override
  public long keptPerToken() {
    return 0;
  }

  @Override
  protected String details() {
    return rows.toString();
  }
}
