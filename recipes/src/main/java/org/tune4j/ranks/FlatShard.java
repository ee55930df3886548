package org.tune4j.ranks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.ShardRange;
import org.tune4j.collective.Work;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Parameters of one type laid end to end, an equal range on each rank. They have storage while they
 * are gathered.
 */
final class FlatShard {
  /** Elements that a parameter begins at a multiple of, so that vectors stay aligned. */
  private static final long ALIGNMENT = 64;

  /** Where a parameter lies. */
  record Slot(String name, Parameter parameter, long start) {
    long length() {
      return parameter.shape().elements();
    }
  }

  private final ProcessGroup ranks;
  private final Engine engine;
  private final TensorScope home;
  private final List<Slot> slots = new ArrayList<>();
  private final long total;
  private final Parameter shard;
  private final List<Tensor> gathered = new ArrayList<>();
  private @Nullable Work gathering;

  /**
   * This rank's range, zeros.
   *
   * @param home what the range, and all that is gathered, belongs to
   * @param parameters of one type, by full name
   */
  FlatShard(ProcessGroup ranks, TensorScope home, String name, Map<String, Parameter> parameters) {
    this.ranks = ranks;
    this.engine = ranks.engine();
    this.home = home;
    long at = 0;
    DType dtype = DType.FP32;
    for (Map.Entry<String, Parameter> e : parameters.entrySet()) {
      Slot slot = new Slot(e.getKey(), e.getValue(), at);
      slots.add(slot);
      at = up(at + slot.length(), ALIGNMENT);
      dtype = e.getValue().dtype();
    }
    total = up(at, ranks.worldSize());
    Shape own = Shape.of(ShardRange.of(total, ranks.rank(), ranks.worldSize()).length());
    shard = new Parameter(name, own, dtype, true);
    shard.set(engine.zeros(dtype, own).moveTo(home));
  }

  private static long up(long n, long multiple) {
    return (n + multiple - 1) / multiple * multiple;
  }

  List<Slot> slots() {
    return slots;
  }

  /** Elements of all ranks' ranges together. */
  long total() {
    return total;
  }

  /** This rank's range, as an optimiser takes it. */
  Parameter shard() {
    return shard;
  }

  /** Zeros for all ranks' ranges together, {@code [n]}. */
  Tensor zeros(DType dtype) {
    return engine.zeros(dtype, Shape.of(total)).moveTo(home);
  }

  /** Zeros for this rank's range. */
  Tensor range(DType dtype) {
    return engine.zeros(dtype, shard.shape()).moveTo(home);
  }

  /** A parameter's place in something as long as all ranges together. */
  static Tensor at(Slot slot, Tensor whole) {
    return whole.narrow(0, slot.start, slot.length());
  }

  /**
   * Fills a tensor of this rank's range with what it has of each parameter.
   *
   * @param values a parameter's values, of its shape; null to leave it as it is
   */
  void fill(Tensor range, Function<Slot, @Nullable Tensor> values) {
    ShardRange own = ShardRange.of(total, ranks.rank(), ranks.worldSize());
    for (Slot slot : slots) {
      long from = Math.max(own.start(), slot.start);
      long to = Math.min(own.start() + own.length(), slot.start + slot.length());
      if (from >= to) {
        continue;
      }
      try (TensorScope scope = engine.openScope();
          Engine.NoGradient off = engine.noGradient()) {
        Tensor all = values.apply(slot);
        if (all != null) {
          range
              .narrow(0, from - own.start(), to - from)
              .copyFrom(all.reshape(-1).narrow(0, from - slot.start, to - from));
        }
      }
    }
  }

  /** The ranks' ranges of anything put together, {@code [n]}. */
  Tensor gather(Tensor range) {
    Tensor whole = zeros(range.dtype());
    ranks.allGather(range, whole).await();
    return whole;
  }

  /** Begins to gather the parameters, where they are neither there nor on the way. */
  void begin() {
    if (gathering == null) {
      Tensor whole = zeros(shard.dtype());
      gathered.add(whole);
      gathering = ranks.allGather(shard.tensor(), whole);
    }
  }

  /** Gives the parameters their storage. */
  void open() {
    begin();
    if (gathered.size() > 1 || gathering == null) {
      return;
    }
    gathering.await();
    Tensor whole = gathered.get(0);
    for (Slot slot : slots) {
      try (TensorScope scope = engine.openScope()) {
        Tensor values = at(slot, whole).reshape(slot.parameter.shape().toArray()).moveTo(home);
        gathered.add(values);
        slot.parameter.set(values);
      }
    }
  }

  /** Takes it away. */
  void close() {
    slots.forEach(s -> s.parameter.unset());
    gathered.forEach(Tensor::close);
    gathered.clear();
    gathering = null;
  }

  /** Adds up a whole of every rank; each gets its range of the sum. */
  Work reduce(Tensor whole, Tensor range) {
    return ranks.reduceScatter(whole, range);
  }
}
