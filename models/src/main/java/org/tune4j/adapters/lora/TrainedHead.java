package org.tune4j.adapters.lora;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Trained rows in place of some of a head's: {@code x W^T} with their products in their places. */
final class TrainedHead extends LinearAdapter {
  private final Linear linear;
  private final TokenRows rows;
  private final @Nullable String embedding;

  /** With rows of its own. */
  TrainedHead(Linear linear, List<Integer> indices) {
    this(linear, new TokenRows(linear.weight(), linear.adapterDtype(), indices), null);
  }

  /** With those of the embedding it is tied to, whose path in the model this is. */
  TrainedHead(Linear linear, TokenRows rows, @Nullable String embedding) {
    this.linear = linear;
    this.rows = add(TokenRows.NAME, rows);
    this.embedding = embedding;
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Engine engine = pass.engine();
    Tensor change = pass.value(rows.values(), x.dtype()).sub(rows.original(engine, x.dtype()));
    Tensor products = engine.operations().linear(x, change);
    return base.biased(pass, base.product(pass, x).add(products.matmul(places(engine, x))));
  }

  /** {@code [indices, vocab]}, a one in each row. */
  private Tensor places(Engine engine, Tensor like) {
    int vocab = Math.toIntExact(linear.out());
    int[] ids = rows.ids();
    float[] ones = new float[Math.multiplyExact(ids.length, vocab)];
    for (int i = 0; i < ids.length; i++) {
      ones[i * vocab + ids[i]] = 1;
    }
    return engine.tensor(ones, like.dtype(), Shape.of(ids.length, vocab));
  }

  /** Rows that are the embedding's have begun. */
  @Override
  public void initialise(Engine engine, String path, long seed) {
    if (embedding == null) {
      rows.initialise(engine);
    }
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    return rows.merge(value);
  }

  @Override
  public long keptPerToken() {
    return rows.indices().size();
  }

  /** What is shared is saved once. */
  @Override
  public String savedName(String path, String parameter) {
    return super.savedName(embedding == null ? path : embedding, parameter);
  }

  @Override
  protected String details() {
    return rows.toString();
  }
}
