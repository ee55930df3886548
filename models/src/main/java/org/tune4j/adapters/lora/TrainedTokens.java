package org.tune4j.adapters.lora;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.tune4j.UsageException;
import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.EmbeddingAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Trained rows in place of some of an embedding's, PEFT's {@code trainable_token_indices}: {@code
 * token_adapter.trainable_tokens_delta}, {@code [indices, dim]}, holds the rows themselves.
 */
final class TrainedTokens extends EmbeddingAdapter {
  static final String NAME = "token_adapter";
  static final String ROWS = "trainable_tokens_delta";

  private final Embedding embedding;
  private final List<Integer> indices;
  private final Rows rows;

  private static final class Rows extends Module {
    private final Parameter values;

    Rows(Parameter values) {
      this.values = add(values);
    }
  }

  TrainedTokens(Embedding embedding, List<Integer> indices) {
    this.embedding = embedding;
    this.indices = indices;
    Shape table = embedding.weight().shape();
    if (Collections.max(indices) >= table.size(0)) {
      throw new UsageException(
          "trainable_token_indices holds %d, the embedding has %d rows; name ids below"
              .formatted(Collections.max(indices), table.size(0)));
    }
    Shape own = Shape.of(indices.size(), table.size(1));
    rows = add(NAME, new Rows(new Parameter(ROWS, own, embedding.adapterDtype(), true)));
  }

  @Override
  public Tensor forward(Pass pass, int[] tokens) {
    Tensor own = pass.value(rows.values);
    Tensor all = pass.value(embedding.weight()).indexSelect(pass.engine().indices(tokens));
    return replaced(all.dtype() == own.dtype() ? all : all.cast(own.dtype()), own, tokens);
  }

  /** Rows of ids, of which those that are trained are taken from elsewhere. */
  private Tensor replaced(Tensor all, Tensor own, int[] ids) {
    TreeMap<Integer, Integer> at = new TreeMap<>();
    for (int i = 0; i < indices.size(); i++) {
      at.put(indices.get(i), ids.length + i);
    }
    int[] places = IntStream.range(0, ids.length).map(i -> at.getOrDefault(ids[i], i)).toArray();
    return Tensor.cat(List.of(all, own), 0).indexSelect(all.engine().indices(places));
  }

  /** As in PEFT, the head's rows are trained with the embedding's. */
  @Override
  public Optional<LinearAdapter> tied(String path, Linear head) {
    return Optional.of(new Head(path, head));
  }

  /** {@code x W^T} with the products of the trained rows in their places. */
  private final class Head extends LinearAdapter {
    private final String embedding;
    private final Linear linear;

    Head(String embedding, Linear linear) {
      this.embedding = embedding;
      this.linear = linear;
      add(NAME, rows);
    }

    @Override
    public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
      Engine engine = pass.engine();
      Tensor own = pass.value(rows.values, x.dtype());
      Tensor replaced = linear.weight().tensor().indexSelect(engine.indices(ids()));
      Tensor change =
          own.sub(replaced.dtype() == own.dtype() ? replaced : replaced.cast(own.dtype()));
      Tensor products = engine.operations().linear(x, change);
      return base.biased(pass, base.product(pass, x).add(products.matmul(places(engine, x))));
    }

    /** {@code [indices, vocab]}, a one in each row. */
    private Tensor places(Engine engine, Tensor like) {
      int vocab = Math.toIntExact(linear.out());
      float[] ones = new float[Math.multiplyExact(indices.size(), vocab)];
      for (int i = 0; i < indices.size(); i++) {
        ones[i * vocab + indices.get(i)] = 1;
      }
      return engine.tensor(ones, like.dtype(), Shape.of(indices.size(), vocab));
    }

    /** The embedding has begun. */
    @Override
    public void initialise(Engine engine, String path, long seed) {}

    @Override
    public Tensor merge(String parameter, Tensor value) {
      return TrainedTokens.this.merge(parameter, value);
    }

    @Override
    public long keptPerToken() {
      return indices.size();
    }

    /** It is saved once. */
    @Override
    public String savedName(String path, String parameter) {
      return TrainedTokens.this.savedName(embedding, parameter);
    }
  }

  private int[] ids() {
    return indices.stream().mapToInt(Integer::intValue).toArray();
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    Tensor values = embedding.weight().tensor().indexSelect(engine.indices(ids()));
    rows.values.set(
        values.dtype() == rows.values.dtype() ? values : values.cast(rows.values.dtype()));
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    int[] all = IntStream.range(0, Math.toIntExact(value.size(0))).toArray();
    return replaced(value, Merge.wide(rows.values.tensor()), all);
  }

  @Override
  public long keptPerToken() {
    return 0;
  }

  @Override
  protected String details() {
    return "tokens=" + indices;
  }
}
