package org.tune4j.models.gemma;

import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.models.layers.AttentionShape;

/**
 * What a layer of Gemma 4 takes of each token, in this order: the residual stream, the per-layer
 * inputs of this layer and of those above, and the keys and values of layers below that this layer
 * or one above shares. As it all is one tensor, it passes from layer to layer as other decoders'
 * streams do, backward too.
 *
 * @param dim width of the residual stream
 * @param perLayer width of a layer's own input; 0 where there are none
 * @param shapes of the layers' attention
 * @param sources the layer whose keys and values each layer takes, which may be itself
 */
record Gemma4Stream(long dim, long perLayer, List<AttentionShape> shapes, List<Integer> sources) {
  /** Copies the lists. */
  Gemma4Stream {
    shapes = List.copyOf(shapes);
    sources = List.copyOf(sources);
  }

  /** The layers below one whose keys and values it takes or passes on. */
  List<Integer> shared(int layer) {
    return sources.subList(layer, sources.size()).stream()
        .filter(source -> source < layer)
        .distinct()
        .sorted()
        .toList();
  }

  /** Elements of a layer's keys and values. */
  long keyValues(int layer) {
    return 2 * shapes.get(layer).kvDim();
  }

  /** Elements of the per-layer inputs of a layer and of those above. */
  long perLayerFrom(int layer) {
    return (shapes.size() - layer) * perLayer;
  }

  /** Where a layer has the keys of one below, with the values behind them. */
  long start(int layer, int source) {
    return dim
        + perLayerFrom(layer)
        + shared(layer).stream().filter(s -> s < source).mapToLong(this::keyValues).sum();
  }

  /** Elements that a layer takes besides the residual stream. */
  long side(int layer) {
    return perLayerFrom(layer) + shared(layer).stream().mapToLong(this::keyValues).sum();
  }

  /** Whether layers above take a layer's keys and values. */
  boolean gives(int layer) {
    return IntStream.range(layer + 1, sources.size()).anyMatch(i -> sources.get(i) == layer);
  }
}
