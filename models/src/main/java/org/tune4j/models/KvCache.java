package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.UsageException;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * The keys and values of one row's tokens in every layer, written in place. It belongs to the scope
 * that is innermost when it is made and is used by one thread at a time.
 */
public final class KvCache implements AutoCloseable {
  /**
   * A layer's keys and values, each {@code [kvHeads, capacity, headDim]}: a head's lie together.
   */
  private record Layer(Tensor keys, Tensor values) {}

  private final List<Layer> layers = new ArrayList<>();
  private final int capacity;
  private int length;

  /**
   * Room for {@code capacity} tokens.
   *
   * @param engine that makes the tensors
   * @param config the model's
   * @param dtype the model's
   * @param capacity in tokens, 1 or more; each takes {@code 2 * numLayers * numKvHeads * headDim}
   *     elements
   * @throws UsageException when the model takes fewer tokens
   */
  public KvCache(Engine engine, DecoderConfig config, DType dtype, int capacity) {
    if (capacity < 1 || capacity > config.maxSeqLen()) {
      throw new UsageException(
          "a cache of %d tokens was asked for, the model takes 1 to %d"
              .formatted(capacity, config.maxSeqLen()));
    }
    this.capacity = capacity;
    Shape shape = Shape.of(config.numKvHeads(), capacity, config.headDim());
    for (int i = 0; i < config.numLayers(); i++) {
      layers.add(new Layer(engine.zeros(dtype, shape), engine.zeros(dtype, shape)));
    }
  }

  /**
   * Like the constructor's, but belonging to a scope that may be another thread's.
   *
   * @param owner releases it, unless it is closed before
   * @param engine that makes the tensors
   * @param config the model's
   * @param dtype the model's
   * @param capacity in tokens, 1 or more
   * @return a cache that holds nothing yet
   * @throws UsageException when the model takes fewer tokens
   */
  public static KvCache ownedBy(
      TensorScope owner, Engine engine, DecoderConfig config, DType dtype, int capacity) {
    try (TensorScope scope = engine.openScope()) {
      KvCache cache = new KvCache(engine, config, dtype, capacity);
      for (Layer layer : cache.layers) {
        layer.keys.moveTo(owner);
        layer.values.moveTo(owner);
      }
      return cache;
    }
  }

  /** {@return how many tokens it has room for} */
  public int capacity() {
    return capacity;
  }

  /** {@return how many tokens it holds} */
  public int length() {
    return length;
  }

  /**
   * Keeps the first tokens and forgets the others.
   *
   * @param tokens how many it then holds, 0 or more
   * @throws IllegalArgumentException when it holds fewer
   */
  public void truncate(int tokens) {
    if (tokens < 0 || tokens > length) {
      throw new IllegalArgumentException(
          "truncate to %d: the cache holds %d tokens".formatted(tokens, length));
    }
    length = tokens;
  }

  void advance(int tokens) {
    length += tokens;
  }

  int layers() {
    return layers.size();
  }

  /** Writes a row's next keys and values behind what is held and attends to all of them. */
  Tensor attend(int layer, Operations ops, Tensor q, Tensor k, Tensor v, int window, double scale) {
    Layer here = layers.get(layer);
    long m = k.size(0);
    here.keys.narrow(1, length, m).copyFrom(k.transpose(0, 1));
    here.values.narrow(1, length, m).copyFrom(v.transpose(0, 1));
    Tensor keys = here.keys.narrow(1, 0, length + m).transpose(0, 1);
    Tensor values = here.values.narrow(1, 0, length + m).transpose(0, 1);
    return ops.attentionAtEnd(q, keys, values, window, scale);
  }

  /** Releases it ahead of its scope. Closing twice is harmless. */
  @Override
  public void close() {
    for (Layer layer : layers) {
      layer.keys.close();
      layer.values.close();
    }
  }
}
