package org.tune4j.ranks;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.collective.Work;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.training.Gradients;
import org.tune4j.training.TrainedModel;

/**
 * Collects the gradients of a pass part by part. Once a part's are whole all ranks add them, and
 * each keeps the sum of its own range; meanwhile the pass goes on with the next part.
 */
final class ShardedGradients implements TrainedModel.ShardSink {
  private final Engine engine;
  private final Map<Parameter, FlatShard> shards;
  private final Map<Parameter, FlatShard.Slot> slots;
  private final Gradients sums;
  private final DoubleConsumer loss;
  private final Map<FlatShard, Tensor> wholes = new HashMap<>();
  private final Map<FlatShard, Set<Parameter>> awaited = new HashMap<>();
  private final Set<Parameter> missing = new LinkedHashSet<>();
  private @Nullable Exchange running;

  private record Exchange(FlatShard shard, Tensor whole, Tensor range, Work work) {}

  /**
   * Of one update.
   *
   * @param shards where each trained parameter is, {@code slots} its place there
   * @param sums over the shards' own parameters
   * @param loss is told each pass's
   */
  ShardedGradients(
      Engine engine,
      Map<Parameter, FlatShard> shards,
      Map<Parameter, FlatShard.Slot> slots,
      Gradients sums,
      DoubleConsumer loss) {
    this.engine = engine;
    this.shards = shards;
    this.slots = slots;
    this.sums = sums;
    this.loss = loss;
    missing.addAll(shards.keySet());
  }

  @Override
  public void loss(double sum) {
    loss.accept(sum);
  }

  @Override
  public void take(Parameter parameter, Tensor gradient) {
    FlatShard shard = shardOf(parameter);
    missing.remove(parameter);
    try (var scope = engine.openScope();
        var off = engine.noGradient()) {
      FlatShard.at(slotOf(parameter), whole(shard)).copyFrom(gradient.reshape(-1));
    }
    arrived(shard, parameter);
  }

  @Override
  public void without(Parameter parameter) {
    FlatShard shard = shardOf(parameter);
    whole(shard);
    arrived(shard, parameter);
  }

  private FlatShard shardOf(Parameter p) {
    FlatShard shard = shards.get(p);
    if (shard == null) {
      throw new IllegalStateException("parameter %s is not sharded".formatted(p));
    }
    return shard;
  }

  private FlatShard.Slot slotOf(Parameter p) {
    FlatShard.Slot slot = slots.get(p);
    if (slot == null) {
      throw new IllegalStateException("parameter %s is not sharded".formatted(p));
    }
    return slot;
  }

  private Tensor whole(FlatShard shard) {
    return wholes.computeIfAbsent(shard, s -> s.zeros(wide(s)));
  }

  private static DType wide(FlatShard shard) {
    return shard.shard().dtype() == DType.FP64 ? DType.FP64 : DType.FP32;
  }

  private void arrived(FlatShard shard, Parameter parameter) {
    Set<Parameter> left =
        awaited.computeIfAbsent(
            shard,
            s -> {
              Set<Parameter> all = new HashSet<>();
              s.slots().forEach(slot -> all.add(slot.parameter()));
              return all;
            });
    left.remove(parameter);
    if (left.isEmpty()) {
      awaited.remove(shard);
      finish();
      Tensor whole = whole(shard);
      wholes.remove(shard);
      Tensor range = shard.range(whole.dtype());
      running = new Exchange(shard, whole, range, shard.reduce(whole, range));
    }
  }

  @Override
  public void finish() {
    Exchange last = running;
    running = null;
    if (last != null) {
      last.work.await();
      sums.add(Map.of(last.shard.shard(), last.range));
      last.whole.close();
      last.range.close();
    }
  }

  @Override
  public List<String> withoutGradient() {
    return missing.stream().map(p -> slotOf(p).name()).toList();
  }
}
