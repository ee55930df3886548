package org.tune4j.models.gemma;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.AttentionContext;
import org.tune4j.nn.Pass;
import org.tune4j.nn.Scan;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * One layer's attention that keeps the keys and values for the layers above, or takes those of a
 * layer below: as they are before the rotation, {@code [tokens, 2 * kvHeads * headDim]}.
 */
final class SharedKeys implements AttentionContext {
  private final Pass pass;
  private final TensorScope owner;
  private final AttentionContext inner;
  private final boolean gives;
  private final int kvHeads;
  private @Nullable Tensor both;

  /**
   * Of one forward.
   *
   * @param owner of what is kept
   * @param gives whether it is kept
   * @param taken of a layer below; null where the layer has its own
   */
  SharedKeys(
      Pass pass,
      TensorScope owner,
      AttentionContext inner,
      boolean gives,
      int kvHeads,
      @Nullable Tensor taken) {
    this.pass = pass;
    this.owner = owner;
    this.inner = inner;
    this.gives = gives;
    this.kvHeads = kvHeads;
    both = taken;
  }

  /** What was kept. */
  Tensor both() {
    return Objects.requireNonNull(both);
  }

  @Override
  public Tensor attend(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
    if (!gives) {
      return inner.attend(q, k, v, spec);
    }
    long n = q.size(0);
    long queries = q.size(1) * q.size(2);
    long half = k.size(1) * k.size(2);
    // One fork of all three: what adapters make of one input is gone through once.
    Tensor all =
        pass.fork(Tensor.cat(List.of(q.reshape(n, -1), k.reshape(n, -1), v.reshape(n, -1)), 1));
    both = all.narrow(1, queries, 2 * half).moveTo(owner);
    return attendTo(
        all.narrow(1, queries, 2 * half),
        all.narrow(1, 0, queries).reshape(q.shape().toArray()),
        spec);
  }

  @Override
  public Tensor attendShared(Tensor q, AttentionSpec<Tensor> spec) {
    return attendTo(both(), q, spec);
  }

  private Tensor attendTo(Tensor taken, Tensor q, AttentionSpec<Tensor> spec) {
    long n = taken.size(0);
    long half = taken.size(1) / 2;
    Tensor k = taken.narrow(1, 0, half).reshape(n, kvHeads, half / kvHeads);
    Tensor v = taken.narrow(1, half, half).reshape(n, kvHeads, half / kvHeads);
    return inner.attend(q, k, v, spec);
  }

  @Override
  public Tensor attendRotated(Tensor q, Tensor k, Tensor v, AttentionSpec<Tensor> spec) {
    throw new UnsupportedOperationException("keys are shared before the rotation");
  }

  @Override
  public Tensor rotate(Tensor x) {
    return inner.rotate(x);
  }

  @Override
  public Tensor scan(Pass other, Scan scan, Tensor input) {
    return inner.scan(other, scan, input);
  }
}
