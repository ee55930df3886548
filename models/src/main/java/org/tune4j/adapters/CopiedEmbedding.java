package org.tune4j.adapters;

import java.util.Optional;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.EmbeddingAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** An embedding of {@link ModulesToSave}: a trained copy takes its place. */
final class CopiedEmbedding extends EmbeddingAdapter {
  private final TrainedCopy copy;

  private final boolean tied;

  /** Of which a tied head takes the copy, or keeps the base's table. */
  CopiedEmbedding(Embedding embedding, boolean tied) {
    this.tied = tied;
    copy =
        add(
            TrainedCopy.NAME,
            new TrainedCopy(embedding.ownParameters(), embedding.adapterDtype(), null));
  }

  private Parameter weight() {
    return copy.parameter("weight");
  }

  @Override
  public Tensor forward(Pass pass, int[] tokens) {
    return pass.value(weight()).indexSelect(pass.engine().indices(tokens));
  }

  @Override
  public Optional<LinearAdapter> tied(String path, Linear head) {
    return tied ? Optional.of(new CopiedLinear(head, weight())) : Optional.empty();
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    copy.initialise();
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    return Merge.wide(weight().tensor());
  }

  @Override
  public long keptPerToken() {
    return 0;
  }

  @Override
  public String savedName(String path, String parameter) {
    return PeftAdapter.PREFIX + TrainedCopy.original(path + "." + parameter);
  }
}
