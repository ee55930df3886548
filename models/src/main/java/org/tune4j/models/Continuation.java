package org.tune4j.models;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntFunction;
import org.tune4j.UsageException;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Rows of tokens that go on where their caches end: the next piece of a prompt, the next token of
 * each of several texts, or alternatives after one prefix.
 */
public final class Continuation {
  private final PackedRows rows;
  private final List<KvCache> caches;
  private final boolean kept;

  private Continuation(PackedRows rows, List<KvCache> caches, boolean kept) {
    this.rows = rows;
    this.caches = caches;
    this.kept = kept;
  }

  /**
   * {@return more tokens of one row}
   *
   * @param cache what came before
   * @param tokens ids, one or more; not copied
   */
  public static Continuation of(KvCache cache, int... tokens) {
    return new Continuation(PackedRows.of(tokens), List.of(cache), true);
  }

  /**
   * {@return more tokens of several rows, each with a cache of its own}
   *
   * @param caches what came before each row
   * @param rows the tokens that follow
   * @throws IllegalArgumentException when there are not as many caches as rows, or one is there
   *     twice
   */
  public static Continuation of(List<KvCache> caches, PackedRows rows) {
    Set<KvCache> unique = Collections.newSetFromMap(new IdentityHashMap<>());
    unique.addAll(caches);
    if (caches.size() != rows.rowEnds().length || unique.size() != caches.size()) {
      throw new IllegalArgumentException(
          "there are %d different caches for %d rows"
              .formatted(unique.size(), rows.rowEnds().length));
    }
    return new Continuation(rows, List.copyOf(caches), true);
  }

  /**
   * {@return alternatives after what one cache holds}
   *
   * <p>None sees another, and the cache holds afterwards what it held before.
   *
   * @param cache what came before all of them; needs room for the longest
   * @param rows an alternative each
   */
  public static Continuation branches(KvCache cache, PackedRows rows) {
    return new Continuation(rows, Collections.nCopies(rows.rowEnds().length, cache), false);
  }

  PackedRows rows() {
    return rows;
  }

  private int start(int row) {
    return row == 0 ? 0 : rows.rowEnds()[row - 1];
  }

  private int size(int row) {
    return rows.rowEnds()[row] - start(row);
  }

  int[] positions() {
    return rows.positions(row -> caches.get(row).length());
  }

  void check(DecoderConfig config) {
    rows.checkIds(config);
    for (int row = 0; row < caches.size(); row++) {
      KvCache cache = caches.get(row);
      if (cache.length() + size(row) > cache.capacity() || cache.layers() != config.numLayers()) {
        throw new UsageException(
            "a cache of %d tokens in %d layers holds %d, %d more in %d layers do not fit"
                .formatted(
                    cache.capacity(),
                    cache.layers(),
                    cache.length(),
                    size(row),
                    config.numLayers()));
      }
    }
  }

  /** What the tokens of each layer attend to; masks and tables belong to the innermost scope. */
  IntFunction<AttentionContext> context(Engine engine, List<DecoderBlock> layers, DType dtype) {
    Rotations rotations = Rotations.of(engine, layers, positions(), dtype);
    Map<Integer, List<CacheMask>> masks = new HashMap<>();
    for (DecoderBlock layer : layers) {
      masks.computeIfAbsent(layer.attentionShape().window(), this::masks);
    }
    return layer -> {
      AttentionShape shape = layers.get(layer).attentionShape();
      List<CacheMask> seen = Objects.requireNonNull(masks.get(shape.window()));
      RotaryEmbedding.Tables rope = rotations.of(shape);
      return new Caches(engine, layer, rope, seen);
    };
  }

  /** Tokens attend to what their rows' caches hold, and to those before them. */
  private final class Caches implements AttentionContext {
    private final Engine engine;
    private final int layer;
    private final RotaryEmbedding.Tables rope;
    private final List<CacheMask> seen;

    Caches(Engine engine, int layer, RotaryEmbedding.Tables rope, List<CacheMask> seen) {
      this.engine = engine;
      this.layer = layer;
      this.rope = rope;
      this.seen = seen;
    }

    @Override
    public Tensor attend(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
      return Continuation.this.attend(engine, layer, rope.scaled(q), k, v, rope, seen, spec);
    }

    @Override
    public Tensor attendRotated(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
      return Continuation.this.attend(
          engine, layer, rope.scaled(q), k, v, rope.still(), seen, spec);
    }

    @Override
    public Tensor rotate(Tensor x) {
      return engine.operations().rope(x, rope.cos(), rope.sin());
    }

    @Override
    public Tensor scan(Pass pass, Scan scan, Tensor input) {
      List<List<Tensor>> before =
          caches.stream().map(c -> c.state(layer).orElseGet(scan::begin)).toList();
      Scan.Rows result = pass.scan(scan, input, rows.rowEnds(), before);
      for (int row = 0; row < before.size() && kept; row++) {
        caches.get(row).setNextState(layer, result.states().get(row));
      }
      return result.output();
    }
  }

  /** One a row. */
  private List<CacheMask> masks(int window) {
    List<CacheMask> masks = new ArrayList<>();
    for (int row = 0; row < caches.size(); row++) {
      masks.add(caches.get(row).mask(size(row), window));
    }
    return masks;
  }

  private Tensor attend(
      Engine engine,
      int layer,
      Tensor q,
      Tensor k,
      Tensor v,
      RotaryEmbedding.Tables rope,
      List<CacheMask> masks,
      AttentionSpec<Tensor> spec) {
    if (caches.size() == 1) {
      return caches.get(0).attend(layer, q, k, v, rope, masks.get(0), spec);
    }
    try (TensorScope scope = engine.openScope()) {
      List<Tensor> mixed = new ArrayList<>();
      for (int row = 0; row < caches.size(); row++) {
        int from = start(row);
        int n = size(row);
        KvCache cache = caches.get(row);
        mixed.add(
            cache.attend(
                layer,
                q.narrow(0, from, n),
                k.narrow(0, from, n),
                v.narrow(0, from, n),
                rope.narrow(from, n),
                masks.get(row),
                spec));
      }
      return scope.moveOut(Tensor.cat(mixed, 0));
    }
  }

  /** Called when all layers are written. */
  void advance() {
    if (kept) {
      for (int row = 0; row < caches.size(); row++) {
        caches.get(row).advance(size(row));
      }
    }
  }
}
