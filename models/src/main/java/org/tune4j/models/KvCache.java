package org.tune4j.models;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tune4j.UsageException;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * The keys and values of one row's tokens in every layer, written in place, or the state in which
 * the tokens left the layer. Memory is taken as tokens come. It is used by one thread at a time.
 */
public final class KvCache implements AutoCloseable {
  /**
   * A layer's keys and values, each {@code [kvHeads, positions, headDim]}: a head's lie together.
   */
  private record Layer(Tensor keys, Tensor values) implements AutoCloseable {
    @Override
    public void close() {
      keys.close();
      values.close();
    }
  }

  /**
   * What is kept and looked at are multiples of this. Kernels are made for each length apart, and
   * read best what has no gaps: a cache of its whole capacity would have them behind each head.
   */
  private static final int ROUND = 64;

  private final TensorScope owner;
  private final Engine engine;
  private final DType dtype;
  private final int capacity;
  private final int numLayers;
  private final boolean recurrent;
  private final Map<Integer, Layer> layers = new HashMap<>();
  private final Map<Integer, List<Tensor>> states = new HashMap<>();
  private final Map<Integer, List<Tensor>> nextStates = new HashMap<>();
  private int length;

  /**
   * A cache that holds nothing yet.
   *
   * @param owner releases it, unless it is closed before; may be another thread's scope
   * @param engine that makes the tensors
   * @param model whose layers' keys and values it holds
   * @param capacity how many tokens it takes, 1 or more; each needs {@code 2 * numKvHeads *
   *     headDim} elements a layer with attention
   * @throws UsageException when the model takes fewer tokens
   */
  public KvCache(TensorScope owner, Engine engine, Decoder model, int capacity) {
    int most = model.config().maxSeqLen();
    if (capacity < 1 || capacity > most) {
      throw new UsageException(
          "a cache of %d tokens was requested, the model takes 1 to %d".formatted(capacity, most));
    }
    this.owner = owner;
    this.engine = engine;
    this.numLayers = model.config().numLayers();
    this.recurrent = model.recurrent();
    this.dtype = model.precision().compute();
    this.capacity = capacity;
  }

  private Layer layer(long kvHeads, long positions, long headDim) {
    Shape shape = Shape.of(kvHeads, positions, headDim);
    try (TensorScope scope = engine.openScope()) {
      return new Layer(
          engine.zeros(dtype, shape).moveTo(owner), engine.zeros(dtype, shape).moveTo(owner));
    }
  }

  /** A layer with at least so many positions, for keys like {@code k}. */
  private Layer layer(int index, long positions, Tensor k) {
    Layer now = layers.get(index);
    if (now != null && now.keys.size(1) >= positions) {
      return now;
    }
    Layer larger = layer(k.size(1), positions, k.size(2));
    if (now != null) {
      long there = now.keys.size(1);
      try (TensorScope scope = engine.openScope()) {
        larger.keys.narrow(1, 0, there).copyFrom(now.keys);
        larger.values.narrow(1, 0, there).copyFrom(now.values);
      }
      now.close();
    }
    layers.put(index, larger);
    return larger;
  }

  /**
   * {@return another cache that holds the same tokens, for one of several texts that begin alike}
   *
   * @param capacity how many tokens it takes, as many as are held or more
   */
  public KvCache copy(int capacity) {
    if (capacity < length) {
      throw new IllegalArgumentException(
          "a cache of %d tokens was requested for the %d that are held"
              .formatted(capacity, length));
    }
    KvCache copy = new KvCache(this, capacity);
    try (TensorScope scope = engine.openScope()) {
      layers.forEach(
          (index, layer) -> {
            Tensor keys = layer.keys;
            Layer same = copy.layer(keys.size(0), keys.size(1), keys.size(2));
            same.keys.copyFrom(keys);
            same.values.copyFrom(layer.values);
            copy.layers.put(index, same);
          });
      states.forEach(
          (index, state) ->
              copy.states.put(
                  index,
                  state.stream()
                      .map(
                          t -> {
                            Tensor same = engine.zeros(t.dtype(), t.shape()).moveTo(owner);
                            same.copyFrom(t);
                            return same;
                          })
                      .toList()));
    }
    copy.length = length;
    return copy;
  }

  private KvCache(KvCache other, int capacity) {
    this.owner = other.owner;
    this.engine = other.engine;
    this.numLayers = other.numLayers;
    this.recurrent = other.recurrent;
    this.dtype = other.dtype;
    this.capacity = capacity;
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
   * Keeps the first tokens and forgets the others. Where a layer has a state, which cannot go back,
   * it keeps all tokens or none.
   *
   * @param tokens how many it then holds at the most, 0 or more
   * @return how many it then holds
   * @throws IllegalArgumentException when it holds fewer
   */
  public int truncate(int tokens) {
    if (tokens < 0 || tokens > length) {
      throw new IllegalArgumentException(
          "truncate to %d: the cache holds %d tokens".formatted(tokens, length));
    }
    if (recurrent && tokens < length) {
      close(states);
      length = 0;
    } else {
      length = tokens;
    }
    return length;
  }

  /** The tokens whose keys and values, or next states, are written are held from now on. */
  void advance(int tokens) {
    length += tokens;
    close(states);
    states.putAll(nextStates);
    nextStates.clear();
  }

  int layers() {
    return numLayers;
  }

  /** The state behind the tokens that are held; empty where there are none. */
  Optional<List<Tensor>> state(int layer) {
    return Optional.ofNullable(states.get(layer));
  }

  /** Takes the state behind the tokens that come next. */
  void setNextState(int layer, List<Tensor> state) {
    state.forEach(t -> t.moveTo(owner));
    List<Tensor> unused = nextStates.put(layer, state);
    if (unused != null) {
      unused.forEach(Tensor::close);
    }
  }

  private static void close(Map<Integer, List<Tensor>> states) {
    states.values().forEach(state -> state.forEach(Tensor::close));
    states.clear();
  }

  private static int rounded(int tokens) {
    return Math.addExact(tokens, ROUND - 1) / ROUND * ROUND;
  }

  /**
   * What the next tokens see: up to themselves.
   *
   * @param window how many positions each sees at the most, itself included; 0 for all
   */
  CacheMask mask(int tokens, int window) {
    int first = window > 0 ? Math.max(0, length - window + 1) / ROUND * ROUND : 0;
    int n = rounded(length + tokens) - first;
    float[] mask = new float[Math.multiplyExact(tokens, n)];
    for (int i = 0; i < tokens; i++) {
      int position = length + i - first;
      int from = window > 0 ? Math.max(0, position - window + 1) : 0;
      Arrays.fill(mask, i * n, i * n + from, Float.NEGATIVE_INFINITY);
      Arrays.fill(mask, i * n + position + 1, (i + 1) * n, Float.NEGATIVE_INFINITY);
    }
    return new CacheMask(first, engine.tensor(mask, dtype, Shape.of(tokens, n)));
  }

  /** Writes a row's next keys and values behind what is held and attends to what is seen. */
  Tensor attend(
      int layer,
      Tensor q,
      Tensor k,
      Tensor v,
      RotaryEmbedding.Tables rope,
      CacheMask seen,
      AttentionSpec<Tensor> spec) {
    Layer here = layer(layer, seen.first() + seen.mask().size(1), k);
    return engine
        .operations()
        .cachedAttention(
            q,
            k,
            v,
            rope.cos(),
            rope.sin(),
            from(seen.first(), here.keys),
            from(seen.first(), here.values),
            length - seen.first(),
            seen.mask(),
            // The window is in the mask.
            new AttentionSpec<>(spec.scale(), 0, spec.softCap(), spec.sinks()));
  }

  private static Tensor from(int first, Tensor x) {
    return first == 0 ? x : x.narrow(1, first, x.size(1) - first);
  }

  /** Releases it ahead of its scope. Closing twice is harmless. */
  @Override
  public void close() {
    layers.values().forEach(Layer::close);
    close(states);
    close(nextStates);
  }
}
