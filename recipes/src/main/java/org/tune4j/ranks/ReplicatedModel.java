package org.tune4j.ranks;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.tune4j.adapters.Adapters;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.ModelWriter;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.models.Decoder;
import org.tune4j.models.Quantisation;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.TrainedState;
import org.tune4j.tensor.DType;
import org.tune4j.training.Gradients;
import org.tune4j.training.RowsOverThreads;

/** The same model on every rank, all of which make the same updates (data parallel). */
public final class ReplicatedModel implements ModelOnRanks {
  private final ProcessGroup ranks;
  private final Decoder decoder;
  private final DType saved;
  private final Map<String, Parameter> trained;

  /**
   * Of a model with its weights: its adapters are trained, or where it has none, all of it.
   *
   * @param ranks of the run
   * @param decoder this rank's, with the same weights on all ranks
   * @param saved the type that a full model's weights are saved in
   */
  public ReplicatedModel(ProcessGroup ranks, Decoder decoder, DType saved) {
    this.saved = saved;
    this.ranks = ranks;
    this.decoder = decoder;
    trained =
        new LinkedHashMap<>(
            decoder.adapter().isPresent() ? Adapters.parameters(decoder) : decoder.parameters());
    trained.values().removeIf(p -> !p.trainable());
  }

  @Override
  public Decoder decoder() {
    return decoder;
  }

  @Override
  public RowsOverThreads rows(int threads, Objective objective) {
    // A quantised weight is unpacked once for all rows then.
    return Quantisation.isIn(decoder)
        ? RowsOverThreads.inOneGroup(ranks, decoder, threads, objective)
        : RowsOverThreads.of(ranks, decoder, threads, objective);
  }

  @Override
  public Map<String, Parameter> trained() {
    return trained;
  }

  @Override
  public boolean sharded() {
    return false;
  }

  @Override
  public ShardSink sink(Gradients sums, DoubleConsumer loss) {
    throw new IllegalStateException("every rank has the whole model");
  }

  @Override
  public TrainedState state(Optimizer optimizer) {
    return TrainedState.copyOf(trained, optimizer);
  }

  @Override
  public void restore(SavedRun saved, Optimizer optimizer) {
    saved.restore(optimizer, List.copyOf(trained.keySet()));
  }

  @Override
  public Path save(ModelWriter writer, String name, boolean adapterOnly, ShardSize size) {
    if (ranks.rank() == 0 && decoder.adapter().isEmpty()) {
      writer.saveModel(decoder, name, saved, size);
    } else if (ranks.rank() == 0) {
      writer.saveAdapter(decoder, name, adapterOnly, size);
    }
    return writer.folder(name);
  }
}
