package org.tune4j.training;

import java.io.PrintStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Batches;
import org.tune4j.data.Dataset;
import org.tune4j.memory.AvailableMemory;
import org.tune4j.memory.Load;
import org.tune4j.memory.MemoryModel;
import org.tune4j.memory.MemoryPlan;
import org.tune4j.metrics.ResidentSize;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Loss;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/**
 * A run's memory, planned from its settings before any weight is loaded.
 *
 * @param model the architecture and its adapters
 * @param checkpointer whose folder, where it is there, tells sizes and stored types
 * @param optimizer whose state counts
 * @param optimizerInBackward whether updates are made during backward
 * @param loss whose chunk of logits counts
 * @param training gives the micro-batches
 * @param compute gives device, type and threads
 */
public record RunMemory(
    ModelSpec model,
    HuggingFaceCheckpointer checkpointer,
    Optimizer.Spec optimizer,
    boolean optimizerInBackward,
    Loss loss,
    TrainingOptions training,
    ComputeOptions compute) {
  /** Set to {@code off}, runs start that do not fit. */
  public static final String CHECK = "TUNE_MEMORY_CHECK";

  /** A recipe that can be planned. */
  public interface Planned {
    /** {@return what its memory depends on} */
    RunMemory memory();
  }

  /**
   * Prints the plan of this run, and refuses a run that does not fit.
   *
   * @param backend its name
   * @param data the rows to train on
   * @param out gets the plan
   * @return the plan
   * @throws EnvironmentException when there is less memory; says what would take less
   */
  public MemoryPlan require(String backend, Dataset data, PrintStream out) {
    return require(backend, heaviest(backend, data), AvailableMemory.bytes(), out);
  }

  /**
   * How ranks share a model, and what that takes.
   *
   * @param sharded whether each keeps a stretch of the weights
   * @param plan of one rank
   */
  public record OnRanks(boolean sharded, MemoryPlan plan) {}

  /**
   * The same of one rank of several. Ranks that are threads are planned as the one process that
   * they are; other ranks of this machine each take as much.
   *
   * @param ranks all of which ask this
   * @param localRanks how many of them share this machine
   * @param sharded whether weights are; null to shard them where they do not fit otherwise
   * @param data the rows to train on
   * @param out gets the plan
   * @return what was chosen
   * @throws EnvironmentException on every rank, where one has less memory
   */
  public OnRanks require(
      ProcessGroup ranks,
      int localRanks,
      @Nullable Boolean sharded,
      Dataset data,
      PrintStream out) {
    String backend = ranks.engine().backend().name();
    boolean threads = ranks.oneProcess();
    int n = threads ? ranks.worldSize() : 1;
    RunMemory whole = withCompute(training.times(n), compute.times(n, localRanks));
    RunMemory layered = withCompute(whole.training, whole.compute.inOneGroup());
    Load load =
        threads
            ? whole.heaviest(backend, data)
            : whole.heaviest(backend, data, ranks.worldSize(), ranks.fullSize());
    OptionalLong all = AvailableMemory.bytes();
    OptionalLong room =
        all.isEmpty() || threads ? all : OptionalLong.of(all.getAsLong() / localRanks);
    boolean shards =
        sharded != null
            ? sharded
            : ranks.any(whole.refusal(backend, load, room).isPresent() && !threads);
    MemoryPlan plan =
        shards
            ? layered.sharded(backend, load, threads ? 1 : ranks.worldSize(), n)
            : whole.plan(backend, load);
    out.println(plan);
    Optional<String> refusal =
        shards ? layered.refusal(plan, room) : whole.refusal(backend, load, room);
    boolean off = "off".equals(System.getenv(CHECK));
    if (ranks.any(refusal.isPresent()) && !off) {
      throw new EnvironmentException(
          refusal.orElse("another rank of the run has too little memory for it; see what it says"));
    }
    return new OnRanks(shards, plan);
  }

  private MemoryPlan sharded(String backend, Load load, int ranks, int times) {
    MemoryModel model = model(backend);
    return model.plan(load, resident()).sharded(ranks, times * model.gathered());
  }

  private Optional<String> refusal(MemoryPlan plan, OptionalLong available) {
    boolean fits =
        available.isEmpty()
            || Device.parse(compute.device()).type() == Device.Type.CUDA
            || plan.bytes() <= available.getAsLong() + resident();
    return fits
        ? Optional.empty()
        : Optional.of(
            "a rank takes about %d MiB at its peak and %d MiB can be had; start more ranks on other machines, take a smaller batch_size or tokenizer.max_seq_len; %s=off starts it regardless"
                .formatted(plan.mebibytes(), (available.getAsLong() + resident()) >> 20, CHECK));
  }

  private RunMemory withCompute(TrainingOptions training, ComputeOptions compute) {
    return new RunMemory(
        model, checkpointer, optimizer, optimizerInBackward, loss, training, compute);
  }

  private MemoryPlan require(
      String backend, Load heaviest, OptionalLong available, PrintStream out) {
    MemoryPlan plan = plan(backend, heaviest);
    out.println(plan);
    if (!"off".equals(System.getenv(CHECK))) {
      refusal(backend, heaviest, available)
          .ifPresent(
              r -> {
                throw new EnvironmentException(r);
              });
    }
    return plan;
  }

  /**
   * {@return the plan of one micro-batch, on top of what the process holds now}
   *
   * @param backend its name
   * @param load the micro-batch
   * @throws UsageException when nothing tells the model's sizes
   */
  public MemoryPlan plan(String backend, Load load) {
    return model(backend).plan(load, resident());
  }

  private static long resident() {
    return ResidentSize.mebibytes() << 20;
  }

  /** {@return whether the checkpoint is there, so that its sizes and types count} */
  public boolean hasCheckpoint() {
    return Files.isDirectory(checkpointer.checkpointDir());
  }

  private MemoryModel model(String backend) {
    DType stored = compute.type();
    DecoderConfig sizes = model.config();
    if (hasCheckpoint()) {
      HuggingFaceFolder folder = HuggingFaceFolder.open(checkpointer.checkpointDir());
      stored = TensorFiles.mostly(folder);
      if (sizes == null) {
        HuggingFaceConfig read = folder.config();
        sizes = HuggingFaceCheckpointer.sizes(read);
      }
    }
    if (sizes == null) {
      throw new UsageException(
          "model '%s' takes its sizes from a checkpoint's config.json, and there is no folder %s; set checkpointer.checkpoint_dir"
              .formatted(model.name(), checkpointer.checkpointDir()));
    }
    return new MemoryModel(
        backend,
        Device.parse(compute.device()).type() == Device.Type.CUDA,
        sizes,
        checkpointer.adapted(model, sizes).lora(),
        compute.type(),
        stored,
        compute.enableActivationCheckpointing(),
        optimizerInBackward,
        optimizer.moments(),
        compute.rowThreads(),
        loss.chunkTokens());
  }

  /**
   * {@return the micro-batch that keeps most for backward, of all epochs' orders}
   *
   * @param backend its name
   * @param data the rows to train on; each is read once
   * @throws UsageException when nothing tells the model's sizes
   */
  public Load heaviest(String backend, Dataset data) {
    return heaviest(backend, data, 1, 1);
  }

  /** The same of any of several ranks, each of which takes every so-many-th row. */
  private Load heaviest(String backend, Dataset data, int ranks, int fullSize) {
    MemoryModel model = model(backend);
    List<List<Integer>> rows = new ArrayList<>();
    for (int i = 0; i < data.size(); i++) {
      int start = 0;
      List<Integer> parts = new ArrayList<>();
      for (int end : data.get(i).rowEnds()) {
        parts.add(end - start);
        start = end;
      }
      rows.add(parts);
    }
    Batches batches = training.batches(rows.size(), fullSize);
    int together = training.batchSize() * ranks;
    long steps = training.stepsPerEpoch(batches.perEpoch());
    Load heaviest = Load.of(1, 1);
    long most = -1;
    for (int epoch = 0; epoch < training.epochs(); epoch++) {
      for (long step = 0; step < steps; step++) {
        List<Integer> indices = batches.of(epoch, step);
        for (int from = 0; from < indices.size(); from += together) {
          List<Integer> all = indices.subList(from, Math.min(indices.size(), from + together));
          for (int rank = 0; rank < Math.min(ranks, all.size()); rank++) {
            Load load = new Load(Share.of(all, rank, ranks).stream().map(rows::get).toList());
            long bytes = model.activations(load);
            if (bytes > most) {
              most = bytes;
              heaviest = load;
            }
          }
        }
      }
    }
    return heaviest;
  }

  /**
   * What to tell the user of a run that does not fit.
   *
   * @param backend its name
   * @param load the heaviest micro-batch
   * @param available bytes beside what the process holds now
   * @return empty where it fits, is on a CUDA device, or nothing is known of the memory
   */
  public Optional<String> refusal(String backend, Load load, OptionalLong available) {
    MemoryModel model = model(backend);
    long base = resident();
    if (available.isEmpty() || model.cuda()) {
      return Optional.empty();
    }
    long room = available.getAsLong() + base;
    long needed = model.plan(load, base).bytes();
    if (needed <= room) {
      return Optional.empty();
    }
    List<String> ways = new ArrayList<>();
    model
        .lighter(load)
        .forEach(
            (change, lighter) -> {
              long bytes = lighter.plan(base).bytes();
              if (bytes < needed) {
                ways.add("%s takes %d".formatted(change, bytes >> 20));
              }
            });
    return Optional.of(
        "the run takes about %d MiB at its peak and %d MiB can be had; %s; %s=off starts it regardless"
            .formatted(
                needed >> 20,
                room >> 20,
                ways.isEmpty()
                    ? "no setting takes less: choose a smaller model"
                    : String.join(", ", ways),
                CHECK));
  }
}
