package org.tune4j.models.layers;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;

/**
 * A module that adapters change, each by a name that a {@link Pass} selects it with.
 *
 * @param <A> what changes it
 */
public abstract sealed class Adaptable<A extends Adapter> extends Module
    permits Linear, Embedding, Experts {
  private final Map<String, A> adapters = new LinkedHashMap<>();

  private DType adapterDtype;

  /**
   * A module without adapters.
   *
   * @param dtype of its weights
   */
  protected Adaptable(DType dtype) {
    adapterDtype = dtype;
  }

  /** {@return the type of its adapters' parameters} */
  public final DType adapterDtype() {
    return adapterDtype;
  }

  /**
   * Has adapters of another type than its weights'; before it is adapted.
   *
   * @param dtype of their parameters
   */
  public final void setAdapterDtype(DType dtype) {
    adapterDtype = dtype;
  }

  /**
   * Adapts it from now on. The adapter's parameters become this module's, after its own.
   *
   * @param name by which a {@link Pass} selects it
   * @param adapter of this module's sizes
   * @throws IllegalArgumentException when there is an adapter of that name, or with parameters of
   *     the same names
   */
  public final void adapt(String name, A adapter) {
    if (adapters.putIfAbsent(name, adapter) != null) {
      throw new IllegalArgumentException("adapter '%s' is there".formatted(name));
    }
    if (name.equals(Pass.DEFAULT_ADAPTER)) {
      adapter.ownParameters().values().forEach(this::add);
      adapter.children().forEach(this::add);
    } else {
      add(name, adapter);
    }
  }

  /** {@return the adapter that a pass uses by default; empty where there is none} */
  public final Optional<A> adapter() {
    return Optional.ofNullable(adapters.get(Pass.DEFAULT_ADAPTER));
  }

  /**
   * {@return the adapter that a pass asks for; null where there is none}
   *
   * @param pass of the calling thread
   */
  protected final @Nullable A adapterOf(Pass pass) {
    return pass.adapter() == null ? null : adapters.get(pass.adapter());
  }

  final boolean isAdapted() {
    return !adapters.isEmpty();
  }

  /** Elements that the adapters of a token keep for backward, besides the input. */
  final long keptByAdapters() {
    return adapters.values().stream().mapToLong(Adapter::keptPerToken).sum();
  }
}
