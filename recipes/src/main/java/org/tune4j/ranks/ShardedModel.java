package org.tune4j.ranks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.DoubleConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.checkpointing.ModelWriter;
import org.tune4j.checkpointing.TensorFiles;
import org.tune4j.checkpointing.TensorWriter;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.Residency;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.StateDict;
import org.tune4j.optim.Chunks;
import org.tune4j.optim.Optimizer;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.TrainedState;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.Gradients;
import org.tune4j.training.RowsOverThreads;

/**
 * A model of which each rank keeps a range of every part: its weights, and where it is trained the
 * gradients and the optimiser's state too (Rajbhandari et al. 2020, stage 3). A part is gathered
 * while the one before it computes, and given away after its own computation. Ranks that are
 * threads share the one copy of the frozen weights, of which nothing is gathered.
 */
public final class ShardedModel implements ModelOnRanks, Residency {
  private final ProcessGroup ranks;
  private final Engine engine;
  private final TensorScope home;
  private final Decoder decoder;
  private final Supplier<Decoder> whole;
  private final Path folder;
  private final DType saved;
  private final List<Part> parts = new ArrayList<>();
  private final Map<String, Parameter> trained = new LinkedHashMap<>();
  private final List<FlatShard> trainedShards = new ArrayList<>();
  private final Map<Parameter, FlatShard> shards = new HashMap<>();
  private final Map<Parameter, FlatShard.Slot> slots = new HashMap<>();
  private int last;
  private int written;

  /** One part, or two that share a tied weight. */
  private record Part(Optional<FlatShard> frozen, Optional<FlatShard> trained) {
    void begin() {
      frozen.ifPresent(FlatShard::begin);
      trained.ifPresent(FlatShard::begin);
    }

    void open() {
      frozen.ifPresent(FlatShard::open);
      trained.ifPresent(FlatShard::open);
    }

    void close() {
      frozen.ifPresent(FlatShard::close);
      trained.ifPresent(FlatShard::close);
    }
  }

  /**
   * Takes this rank's ranges of a model; what it keeps belongs to {@code home}. Layers are
   * checkpointed from now on.
   *
   * @param decoder of which those parameters have storage that {@code stored} does not give
   * @param stored a weight's values by full name, asked for one at a time, in any type
   * @param whole the model with all its frozen weights at once, to merge the adapters into
   * @param folder the same on all ranks: what they write of a full model meets there
   * @param saved the type that a full model's weights are saved in
   */
  private ShardedModel(
      ProcessGroup ranks,
      TensorScope home,
      Decoder decoder,
      Function<String, @Nullable Tensor> stored,
      Supplier<Decoder> whole,
      Path folder,
      DType saved) {
    this.saved = saved;
    this.whole = whole;
    this.folder = folder;
    this.ranks = ranks;
    this.engine = ranks.engine();
    this.home = home;
    this.decoder = decoder;
    List<Map<String, Parameter>> named = decoder.parts();
    Map<String, Parameter> ends = new LinkedHashMap<>(named.get(0));
    boolean tied = named.get(named.size() - 1).keySet().stream().anyMatch(ends::containsKey);
    for (int i = 0; i < named.size(); i++) {
      if (tied && i == named.size() - 1) {
        parts.add(parts.get(0));
        continue;
      }
      Map<String, Parameter> all = new LinkedHashMap<>(named.get(i));
      if (tied && i == 0) {
        all.putAll(named.get(named.size() - 1));
      }
      parts.add(
          new Part(
              ranks.oneProcess() ? Optional.empty() : shard(i, all, false, stored),
              shard(i, all, true, stored)));
    }
    decoder.setCheckpointLayers(true);
    decoder.setResidency(this);
  }

  private static void requirePlain(ModelSpec spec, Decoder decoder, HuggingFaceFolder folder) {
    if (folder.quantised().isPresent() || !spec.quantisation().of(decoder).isEmpty()) {
      throw new UsageException("quantised weights cannot be sharded; set strategy=ddp");
    }
  }

  /**
   * Loads a model of which each rank keeps its shards.
   *
   * @param from where weights and adapters come from
   * @param spec the model that the config names, with adapters or without
   * @param weights a Hugging Face folder: the checkpointer's, or a full checkpoint of the run
   * @param ranks of the run; all of them load
   * @param home what the shards belong to
   * @param precision of frozen weights, which are converted where they have another type, and of
   *     all else
   * @param seed of the initial adapters, the same on all ranks
   * @return ready for forward, with checkpointed layers
   * @throws org.tune4j.InputException when a file is broken, or is another model's
   * @throws UsageException when weights are quantised
   */
  public static ShardedModel load(
      HuggingFaceCheckpointer from,
      ModelSpec spec,
      Path weights,
      ProcessGroup ranks,
      TensorScope home,
      Precision precision,
      long seed) {
    Engine engine = ranks.engine();
    HuggingFaceFolder folder = from.folder(weights);
    // What is trained is kept in the type that is computed in.
    Precision types = spec.adapter() == null ? Precision.of(precision.compute()) : precision;
    Decoder decoder = from.unloaded(spec, folder, types);
    requirePlain(spec, decoder, folder);
    DType saved = precision.stored();
    Function<String, @Nullable Tensor> stored =
        name -> {
          HuggingFaceFolder.Weight w = folder.weights().get(name);
          return w == null ? null : TensorFiles.map(engine, w.file(), w.entry());
        };
    if (decoder.adapter().isEmpty()) {
      return new ShardedModel(ranks, home, decoder, stored, () -> decoder, from.outputDir(), saved);
    }
    Supplier<Map<String, Tensor>> all =
        () -> HuggingFaceCheckpointer.mapped(folder, engine, precision.stored());
    Supplier<Map<String, Tensor>> base = all;
    if (ranks.oneProcess()) {
      Map<String, Tensor> shared = ranks.once(folder.path(), all);
      StateDict.load(decoder, shared, false);
      base = () -> shared;
    }
    Supplier<Map<String, Tensor>> frozen = base;
    Supplier<Decoder> whole =
        () -> {
          Decoder loaded = from.unloaded(spec, folder, precision);
          StateDict.load(loaded, frozen.get(), false);
          return loaded;
        };
    // What adapters derive from the weights lives as long as they.
    from.giveAdapters(engine, decoder, seed, stored);
    return new ShardedModel(ranks, home, decoder, stored, whole, from.outputDir(), saved);
  }

  private Optional<FlatShard> shard(
      int part,
      Map<String, Parameter> all,
      boolean trainable,
      Function<String, @Nullable Tensor> stored) {
    Map<String, Parameter> some = new LinkedHashMap<>(all);
    // What adapters share but do not train is used in every part.
    Collection<Parameter> kept = Adapters.parameters(decoder).values();
    some.values().removeIf(p -> p.trainable() != trainable || (!trainable && kept.contains(p)));
    if (some.isEmpty()) {
      return Optional.empty();
    }
    String name = "part_" + part;
    FlatShard shard = new FlatShard(ranks, home, name, some);
    shard.fill(
        shard.shard().tensor(),
        slot ->
            slot.parameter().hasStorage() ? slot.parameter().tensor() : stored.apply(slot.name()));
    for (Parameter p : some.values()) {
      if (p.hasStorage()) {
        p.tensor().close();
      }
      p.unset();
    }
    if (trainable) {
      trained.put(name, shard.shard());
      trainedShards.add(shard);
      for (FlatShard.Slot slot : shard.slots()) {
        shards.put(slot.parameter(), shard);
        slots.put(slot.parameter(), slot);
      }
    }
    return Optional.of(shard);
  }

  @Override
  public Decoder decoder() {
    return decoder;
  }

  @Override
  public RowsOverThreads rows(int threads, Objective objective) {
    return RowsOverThreads.inOneGroup(ranks, decoder, threads, objective);
  }

  @Override
  public Map<String, Parameter> trained() {
    return trained;
  }

  @Override
  public boolean sharded() {
    return true;
  }

  @Override
  public ShardSink sink(Gradients sums, DoubleConsumer loss) {
    return new ShardedGradients(engine, shards, slots, sums, loss);
  }

  @Override
  public void enter(int part) {
    parts.get(part).open();
    boolean backward = part < last;
    int next = backward ? part - 1 : part + 1;
    last = part;
    // What backward does not come to is not gathered for it.
    if (next >= 0 && next < parts.size() && !(backward && parts.get(next).trained.isEmpty())) {
      parts.get(next).begin();
    }
  }

  @Override
  public void leave(int part) {
    parts.get(part).close();
  }

  @Override
  public TrainedState state(Optimizer optimizer) {
    return optimizer.atResult(
        () -> {
          if (decoder.adapter().isEmpty()) {
            return write(optimizer, decoder.precision().compute());
          }
          Map<String, Tensor> states = new TreeMap<>();
          for (int i = 0; i < trainedShards.size(); i++) {
            FlatShard shard = trainedShards.get(i);
            optimizer.state(i).forEach((kind, range) -> whole(shard, range, kind + ".", states));
          }
          return TrainedState.of(optimizer, weights(), states);
        });
  }

  /**
   * Has each rank write what it keeps; rank 0 puts it together when it is wanted, so that none
   * needs room for all.
   *
   * @param optimizer whose state is written too; null for none
   * @param dtype that the weights are written in
   */
  private TrainedState write(@Nullable Optimizer optimizer, DType dtype) {
    TensorWriter writer = new TensorWriter();
    List<StoredTensor> own = new ArrayList<>();
    trained.forEach((name, p) -> own.add(writer.stored(name, p.tensor(), dtype)));
    Set<String> kinds = new TreeSet<>();
    for (int i = 0; optimizer != null && i < trainedShards.size(); i++) {
      String name = trainedShards.get(i).shard().name();
      optimizer
          .state(i)
          .forEach(
              (kind, range) -> {
                kinds.add(kind);
                own.add(writer.stored(kind + "." + name, range, range.dtype()));
              });
    }
    // Of the names that are swept away where a run was killed.
    ShardFiles files =
        ShardFiles.write(ranks, folder.resolve(".ranks.%08x.tmp".formatted(written++)), own);
    if (ranks.rank() != 0) {
      return new TrainedState(0, Map.of(), Map.of(), Map.of(), () -> {});
    }
    Map<String, StoredTensor> states = new LinkedHashMap<>();
    kinds.forEach(kind -> states.putAll(files.whole(kind + ".", trainedShards)));
    return new TrainedState(
        optimizer == null ? 0 : optimizer.updates(),
        optimizer == null ? Map.of() : optimizer.numbers(),
        files.whole("", trainedShards),
        states,
        files::remove);
  }

  /** Copies of what is trained, whole, by full name; rank 0 has them. */
  private Map<String, Tensor> weights() {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    for (FlatShard shard : trainedShards) {
      whole(shard, shard.shard().tensor(), "", weights);
    }
    return weights;
  }

  /** Gathers one kind of value of a part; rank 0 keeps it. */
  private void whole(FlatShard shard, Tensor range, String prefix, Map<String, Tensor> into) {
    Tensor whole = shard.gather(range);
    if (ranks.rank() == 0) {
      for (FlatShard.Slot slot : shard.slots()) {
        try (TensorScope scope = engine.openScope()) {
          Tensor values = FlatShard.at(slot, whole).reshape(slot.parameter().shape().toArray());
          into.put(prefix + slot.name(), scope.moveOut(Chunks.copy(values)));
        }
      }
    }
    whole.close();
  }

  @Override
  public void restore(SavedRun saved, Optimizer optimizer) {
    SafetensorsFile stored = SafetensorsFile.open(saved.folder().resolve(SavedRun.OPTIMIZER));
    for (int i = 0; i < trainedShards.size(); i++) {
      FlatShard shard = trainedShards.get(i);
      optimizer
          .state(i)
          .forEach(
              (kind, range) ->
                  shard.fill(
                      range,
                      slot ->
                          TensorFiles.read(
                              engine,
                              saved.folder().resolve(SavedRun.OPTIMIZER),
                              stored.entry(kind + "." + slot.name()))));
    }
    saved.restoreCounts(optimizer);
  }

  @Override
  public Path save(ModelWriter writer, String name, boolean adapterOnly, ShardSize size) {
    if (decoder.adapter().isEmpty()) {
      TrainedState weights = write(null, saved);
      if (ranks.rank() == 0) {
        writer.saveModel(decoder, weights.weights(), name, size);
      }
      weights.release();
      return writer.folder(name);
    }
    try (TensorScope scope = engine.openScope()) {
      Map<String, Tensor> weights = weights();
      if (ranks.rank() == 0) {
        Decoder merging = whole.get();
        Adapters.parameters(decoder)
            .forEach(
                (parameter, p) -> {
                  if (!p.trainable()) {
                    weights.put(parameter, p.tensor());
                  }
                });
        StateDict.load(merging, weights, false);
        Adapters.derive(engine, merging, parameter -> null);
        writer.saveAdapter(merging, name, adapterOnly, size);
      }
    }
    return writer.folder(name);
  }
}
