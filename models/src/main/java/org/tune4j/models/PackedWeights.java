package org.tune4j.models;

import java.util.List;
import java.util.Optional;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;

/**
 * A decoder's frozen linears in the layout in which its backend multiplies with them fastest, those
 * of one input as one: what generation needs, where a pass has few tokens and reading the weights
 * decides. A second copy of them; decoders over the same weights share it.
 */
public final class PackedWeights {
  /** One layer's. */
  private record Layer(
      PackedWeight qkv, PackedWeight output, PackedWeight gateUp, PackedWeight down) {
    static Layer of(Engine engine, DecoderLayer layer) {
      return new Layer(
          layer.attention().qkvProj().pack(engine).orElseThrow(),
          layer.attention().oProj().pack(engine).orElseThrow(),
          layer.mlp().gateUpProj().pack(engine).orElseThrow(),
          layer.mlp().downProj().pack(engine).orElseThrow());
    }

    void give(DecoderLayer layer) {
      layer.attention().qkvProj().setPacked(qkv);
      layer.attention().oProj().setPacked(output);
      layer.mlp().gateUpProj().setPacked(gateUp);
      layer.mlp().downProj().setPacked(down);
    }
  }

  private final List<Layer> layers;
  private final PackedWeight head;
  private final Tensor headWeight;

  private PackedWeights(List<Layer> layers, PackedWeight head, Tensor headWeight) {
    this.layers = layers;
    this.head = head;
    this.headWeight = headWeight;
  }

  /**
   * Packs a decoder's weights.
   *
   * @param engine its weights'
   * @param decoder whose linears have storage; stays as it is, see {@link Decoder#setPacked}
   * @return belongs to the innermost scope; empty where the backend does not pack this type or on
   *     this device
   */
  public static Optional<PackedWeights> of(Engine engine, Decoder decoder) {
    Optional<PackedWeight> head = decoder.head().pack(engine);
    if (head.isEmpty()) {
      return Optional.empty();
    }
    List<Layer> layers = decoder.layers().stream().map(l -> Layer.of(engine, l)).toList();
    return Optional.of(new PackedWeights(layers, head.get(), decoder.head().weight().tensor()));
  }

  /** Has a decoder multiply with these; with a head of its own, in the layers alone. */
  void give(Decoder decoder) {
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).give(decoder.layers().get(i));
    }
    if (decoder.head().weight().tensor() == headWeight) {
      decoder.head().setPacked(head);
    }
  }
}
