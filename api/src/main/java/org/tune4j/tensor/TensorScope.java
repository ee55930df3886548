package org.tune4j.tensor;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The owner of tensors. While a scope is the innermost of its thread, what this thread's operations
 * return belongs to it and is released when it closes:
 *
 * <pre>{@code
 * try (TensorScope step = engine.openScope()) {
 *   Tensor y = x.matmul(w).add(b);
 *   ...
 * }
 * }</pre>
 *
 * <p>A tensor leaves only by {@link #moveOut} or {@link Tensor#moveTo}. Closing twice is harmless;
 * using a closed scope's tensor is an {@link IllegalStateException}.
 */
public final class TensorScope implements AutoCloseable {
  private final Engine engine;
  private final @Nullable TensorScope parent;
  private final Thread thread;
  private final Set<Tensor> tensors = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean closed;

  TensorScope(Engine engine, @Nullable TensorScope parent) {
    this.engine = engine;
    this.parent = parent;
    this.thread = Thread.currentThread();
  }

  @Nullable TensorScope parent() {
    return parent;
  }

  synchronized void add(Tensor t) {
    if (closed) {
      throw new IllegalStateException("the scope is closed; open another with engine.openScope()");
    }
    tensors.add(t);
  }

  synchronized void remove(Tensor t) {
    tensors.remove(t);
  }

  /**
   * Hands a tensor of this scope to the enclosing one.
   *
   * @param t of this scope
   * @return the same tensor
   * @throws IllegalStateException when there is no enclosing scope
   */
  public Tensor moveOut(Tensor t) {
    if (parent == null) {
      throw new IllegalStateException(
          "the scope is this thread's outermost; use tensor.moveTo(scope) with a scope of another thread");
    }
    return t.moveTo(parent);
  }

  /**
   * Hands a packed weight of this scope to the enclosing one.
   *
   * @param w of this scope
   * @return the same weight
   * @throws IllegalStateException when there is no enclosing scope
   */
  public PackedWeight moveOut(PackedWeight w) {
    moveOut(w.packed());
    return w;
  }

  /** {@return how many tensors it owns now} */
  public synchronized int size() {
    return tensors.size();
  }

  synchronized List<Tensor> owned() {
    return List.copyOf(tensors);
  }

  /**
   * Releases what it owns.
   *
   * @throws IllegalStateException when called from another thread, or while a scope opened later in
   *     this thread is open
   */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
    }
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException(
          "the scope belongs to thread '%s' and cannot be closed by '%s'"
              .formatted(thread.getName(), Thread.currentThread().getName()));
    }
    engine.pop(this);
    List<Tensor> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(tensors);
      tensors.clear();
    }
    all.forEach(Tensor::release);
  }
}
