package org.tune4j.models;

import java.util.List;
import java.util.Optional;
import org.tune4j.models.layers.Product;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.PackedWeight;
import org.tune4j.tensor.Tensor;

/**
 * A decoder's frozen linears in the layout in which its backend multiplies with them fastest, those
 * of one input as one: what generation needs, where a pass has few tokens and reading the weights
 * decides. A second copy of them; decoders over the same weights share it.
 */
public final class PackedWeights {
  private final List<PackedWeight> layers;
  private final PackedWeight head;
  private final Tensor headWeight;

  private PackedWeights(List<PackedWeight> layers, PackedWeight head, Tensor headWeight) {
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
    List<PackedWeight> layers =
        products(decoder).stream().map(p -> p.pack(engine).orElseThrow()).toList();
    return Optional.of(new PackedWeights(layers, head.get(), decoder.head().weight().tensor()));
  }

  /** Has a decoder multiply with these; with a head of its own, in the layers alone. */
  void give(Decoder decoder) {
    List<Product> products = products(decoder);
    for (int i = 0; i < layers.size(); i++) {
      products.get(i).setPacked(layers.get(i));
    }
    if (decoder.head().weight().tensor() == headWeight) {
      decoder.head().setPacked(head);
    }
  }

  private static List<Product> products(Decoder decoder) {
    return decoder.layers().stream().flatMap(layer -> layer.products().stream()).toList();
  }
}
