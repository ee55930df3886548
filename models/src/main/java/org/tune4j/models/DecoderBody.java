package org.tune4j.models;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Norm;
import org.tune4j.nn.Module;
import org.tune4j.nn.ModuleList;

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

  Embedding embedding() {
    return embedding;
  }

  @Nullable SideInput side() {
    return side;
  }

  List<DecoderBlock> layers() {
    return layers;
  }

  Norm norm() {
    return norm;
  }
}
