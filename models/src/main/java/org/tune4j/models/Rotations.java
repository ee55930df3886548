package org.tune4j.models;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;

/** The tables of every rotation that a pass's layers use, each made once. */
record Rotations(IdentityHashMap<RotaryEmbedding, RotaryEmbedding.Tables> tables) {
  /** Those of the tokens' positions; they belong to the innermost scope. */
  static Rotations of(Engine engine, List<DecoderBlock> layers, int[] positions, DType dtype) {
    IdentityHashMap<RotaryEmbedding, RotaryEmbedding.Tables> tables = new IdentityHashMap<>();
    for (DecoderBlock layer : layers) {
      tables.computeIfAbsent(
          layer.attentionShape().rotary(), rotary -> rotary.tables(engine, positions, dtype));
    }
    return new Rotations(tables);
  }

  RotaryEmbedding.Tables of(AttentionShape shape) {
    return Objects.requireNonNull(tables.get(shape.rotary()));
  }
}
