package org.tune4j.models;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Norm;
import org.tune4j.nn.Module;
import org.tune4j.nn.ModuleList;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** The decoder without its head. */
final class DecoderBody extends Module {
  private final Embedding embedding;
  private final @Nullable SideInput side;
  private final List<DecoderBlock> layers;
  private final Norm norm;

  DecoderBody(
      Embedding embedding,
      @Nullable SideInput side,
      List<? extends DecoderBlock> blocks,
      Norm norm,
      Decoder.Names names) {
    this.embedding = add(names.embedding(), embedding);
    this.side = side;
    if (side != null) {
      side.children().forEach((name, child) -> add(name, child));
    }
    this.layers = add(names.layers(), new ModuleList<DecoderBlock>(List.copyOf(blocks))).list();
    this.norm = add(names.norm(), norm);
  }

  List<Module> first() {
    return side == null ? List.of(embedding) : List.of(embedding, side);
  }

  /** The input of the first layer, {@code [tokens, dim]}, with what layers have beside it. */
  Tensor embed(Pass pass, PackedRows rows, double scale, DType compute) {
    Tensor h = embedding.forward(pass, rows.tokens());
    Tensor wide = h.dtype() == compute ? h : h.cast(compute);
    Tensor scaled = scale == 1 ? wide : wide.mul(scale);
    if (side == null) {
      return scaled;
    }
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor both = pass.fork(scaled);
      Tensor beside = side.forward(pass, rows.tokens(), both);
      return scope.moveOut(Tensor.cat(List.of(both, beside), 1));
    }
  }

  boolean recurrent() {
    return layers.stream().anyMatch(b -> b.attentionShape().equals(AttentionShape.NONE));
  }

  /** The lowest layer that trains; the number of layers where none does. */
  int lowestTrained() {
    int i = 0;
    while (i < layers.size() && !layers.get(i).trains()) {
      i++;
    }
    return i;
  }

  List<DecoderBlock> layers() {
    return layers;
  }

  Norm norm() {
    return norm;
  }
}
