package org.tune4j.models;

import java.util.List;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** Tokens attend to those of their own rows. */
record OwnRows(Engine engine, RotaryEmbedding.Tables rope, PackedRows rows)
    implements AttentionContext {
  @Override
  public Tensor attend(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
    return attendRotated(rotate(q), rotate(k), v, spec);
  }

  @Override
  public Tensor attendRotated(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
    return engine.operations().attention(rope.scaled(q), k, v, rows.rowEnds(), spec);
  }

  @Override
  public Tensor rotate(Tensor x) {
    return engine.operations().rope(x, rope.cos(), rope.sin());
  }

  @Override
  public Tensor scan(Pass pass, Scan scan, Tensor input) {
    return pass.scan(scan, input, rows.rowEnds(), List.of()).output();
  }
}
