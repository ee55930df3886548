package org.tune4j.memory;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.checkpointing.TensorFiles;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.Dataset;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.optim.Optimizer;
import org.tune4j.platform.AvailableMemory;
import org.tune4j.platform.ResidentSize;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Precision;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.TrainingOptions;

/**
 * A run's memory, planned from its settings before any weight is loaded.
 *
 * @param model the architecture and its adapters
 * @param checkpointer whose folder, where it is there, tells sizes and stored types
 * @param optimizer whose state counts
 * @param optimizerInBackward whether updates are made during backward
 * @param loss whose chunk of logits counts
 * @param training gives the micro-batches
 * @param compute gives device and threads
 * @param precision of frozen weights, and of all else
 * @param reference gives the weights of another model that lies beside the trained one; null for
 *     none
 * @param sampled answers that are sampled before a step; null where rows have theirs
 */
public record RunMemory(
    ModelSpec model,
    HuggingFaceCheckpointer checkpointer,
    Optimizer.Spec optimizer,
    boolean optimizerInBackward,
    Objective loss,
    TrainingOptions training,
    ComputeOptions compute,
    Precision precision,
    @Nullable HuggingFaceCheckpointer reference,
    @Nullable SampledAnswers sampled) {
  /** Set to {@code off}, runs start that do not fit. */
  public static final String CHECK = "TUNE_MEMORY_CHECK";

  /** A recipe that can be planned. */
  public interface Planned {
    /** {@return what its memory depends on} */
    RunMemory memory();
  }

  /**
   * How ranks share a model, and what that takes.
   *
   * @param sharded whether each keeps a stretch of the weights
   * @param plan of one rank
   */
  public record RankPlan(boolean sharded, MemoryPlan plan) {}

  /**
   * Prints the plan of one rank, and refuses a run that does not fit. Ranks that are threads are
   * planned as the one process that they are, and so are runs that take turns; other ranks of this
   * machine each take as much.
   *
   * @param ranks all of which ask this
   * @param localRanks how many of them share this machine
   * @param sharded whether weights are; null to shard them where they do not fit otherwise
   * @param data the rows to train on
   * @param out gets the plan
   * @return what was chosen
   * @throws EnvironmentException on every rank, where one has less memory
   */
  public RankPlan require(
      ProcessGroup ranks,
      int localRanks,
      @Nullable Boolean sharded,
      Dataset data,
      PrintStream out) {
    KernelMemory kernels = ranks.engine().kernelMemory();
    RankLayout layout = new RankLayout(ranks.worldSize(), localRanks, ranks.oneProcess());
    Load load = heaviest(kernels, data, layout, ranks.fullSize());
    OptionalLong room = layout.room(AvailableMemory.bytes());
    boolean shards =
        sharded != null ? sharded : ranks.any(plan(kernels, load, layout, null, room).sharded());
    MemoryPlan own = plan(kernels, load, layout, shards, room).plan();
    ProcessGroup.Met<MemoryPlan> runs = ranks.ofRuns(own);
    MemoryPlan plan = MemoryPlan.inTurn(runs.all());
    if (runs.own() == 0) {
      out.println(plan);
    }
    Optional<String> refusal =
        runs.all().size() > 1
            ? refusal(plan, room)
            : refusal(kernels, load, layout, new RankPlan(shards, plan), room);
    boolean off = "off".equals(System.getenv(CHECK));
    if (ranks.any(refusal.isPresent()) && !off) {
      throw new EnvironmentException(
          refusal.orElse("another rank has too little memory for the run; see its output"));
    }
    return new RankPlan(shards, plan);
  }

  /**
   * {@return how these ranks share the model, and what one of them takes, or their one process}
   *
   * @param kernels of the backend
   * @param load the heaviest micro-batch of {@link #heaviest(KernelMemory, Dataset, RankLayout,
   *     int)}
   * @param layout of the ranks
   * @param sharded whether weights are; null to shard them where they do not fit otherwise
   * @param room bytes that a process may take beside what it holds now
   * @throws UsageException when nothing tells the model's sizes
   */
  public RankPlan plan(
      KernelMemory kernels,
      Load load,
      RankLayout layout,
      @Nullable Boolean sharded,
      OptionalLong room) {
    RunMemory whole = of(layout);
    boolean shards =
        sharded != null
            ? sharded
            : !layout.threads() && whole.refusal(kernels, load, room).isPresent();
    if (!shards) {
      return new RankPlan(false, whole.plan(kernels, load));
    }
    MemoryModel model =
        whole.withCompute(whole.training, whole.compute.inOneGroup()).model(kernels);
    int processes = layout.threads() ? 1 : layout.worldSize();
    return new RankPlan(
        true,
        model.plan(load, resident()).sharded(processes, layout.ofOneProcess() * model.gathered()));
  }

  /**
   * What to tell the user of ranks that do not fit.
   *
   * @param kernels of the backend
   * @param load the heaviest micro-batch
   * @param layout of the ranks
   * @param chosen what {@link #plan(KernelMemory, Load, RankLayout, Boolean, OptionalLong)} gave
   * @param room bytes that a process may take beside what it holds now
   * @return empty where they fit, are on CUDA devices, or nothing is known of the memory
   */
  public Optional<String> refusal(
      KernelMemory kernels, Load load, RankLayout layout, RankPlan chosen, OptionalLong room) {
    return chosen.sharded()
        ? refusal(
            chosen.plan(),
            room,
            "a rank takes about %d MiB at its peak and %d MiB are available; start more ranks on other machines, take a smaller batch_size or tokenizer.max_seq_len; %s=off starts it anyway")
        : of(layout).refusal(kernels, load, room);
  }

  /** With the rows and threads of one process of these ranks. */
  private RunMemory of(RankLayout layout) {
    int n = layout.ofOneProcess();
    return withCompute(training.times(n), compute.times(n, layout.local()));
  }

  /**
   * What to tell the user of runs in turn that do not fit together.
   *
   * @param together the plan of all of them
   * @param room bytes beside what the process holds now
   * @return empty where they fit, are on a CUDA device, or nothing is known of the memory
   */
  public Optional<String> refusal(MemoryPlan together, OptionalLong room) {
    return refusal(
        together,
        room,
        "the adapters together take about %d MiB at the peak and %d MiB are available; train fewer of them at once, take a smaller batch_size or tokenizer.max_seq_len; %s=off starts them anyway");
  }

  private Optional<String> refusal(MemoryPlan plan, OptionalLong room, String message) {
    boolean cuda = Device.parse(compute.device()).type() == Device.Type.CUDA;
    return room.isEmpty() || cuda || plan.bytes() <= room.getAsLong() + resident()
        ? Optional.empty()
        : Optional.of(
            message.formatted(plan.mebibytes(), (room.getAsLong() + resident()) >> 20, CHECK));
  }

  private RunMemory withCompute(TrainingOptions training, ComputeOptions compute) {
    return new RunMemory(
        model,
        checkpointer,
        optimizer,
        optimizerInBackward,
        loss,
        training,
        compute,
        precision,
        reference,
        sampled);
  }

  /**
   * {@return the plan of one micro-batch, on top of what the process holds now}
   *
   * @param kernels of the backend
   * @param load the micro-batch
   * @throws UsageException when nothing tells the model's sizes
   */
  public MemoryPlan plan(KernelMemory kernels, Load load) {
    return model(kernels).plan(load, resident());
  }

  private static long resident() {
    return ResidentSize.mebibytes() << 20;
  }

  /** {@return whether weights are there, so that their sizes and types count} */
  public boolean hasCheckpoint() {
    return WeightFiles.areIn(checkpointer.checkpointDir());
  }

  private MemoryModel model(KernelMemory kernels) {
    Path folder = checkpointer.checkpointDir();
    ModelConfig config = model.config();
    if (config == null
        ? Files.isDirectory(folder)
        : Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))) {
      config = model.reader().read(checkpointer.config().json());
      model.withConfig(config);
    }
    if (config == null) {
      throw new UsageException(
          "model '%s' reads its sizes from a checkpoint's config.json, and there is no folder %s; set checkpointer.checkpoint_dir"
              .formatted(model.name(), folder));
    }
    ModelSpec spec = checkpointer.adapted(model, config);
    return new MemoryModel(
        hasCheckpoint()
            ? spec.quantised(spec.quantisation().over(checkpointer.folder().quantised()))
            : spec,
        precision,
        new MemoryModel.Settings(
            kernels,
            Device.parse(compute.device()),
            storedType(),
            optimizerInBackward || compute.enableActivationCheckpointing(),
            optimizerInBackward,
            optimizer,
            compute.rowThreads(),
            loss.chunkTokens(),
            referenceBytes(),
            sampled));
  }

  private long referenceBytes() {
    return reference == null || !WeightFiles.areIn(reference.checkpointDir())
        ? 0
        : reference.folder().weights().values().stream()
                .mapToLong(w -> w.entry().shape().stream().reduce(1L, (a, b) -> a * b))
                .sum()
            * precision.stored().bytes();
  }

  /**
   * {@return the type of the stored weights: most of their bytes', else the one that {@code
   * config.json} names, else the run's}
   */
  public DType storedType() {
    Path folder = checkpointer.checkpointDir();
    if (hasCheckpoint()) {
      return TensorFiles.mostly(checkpointer.folder());
    }
    if (Files.notExists(folder.resolve(HuggingFaceFolder.CONFIG))) {
      return compute.type();
    }
    return switch (String.valueOf(HuggingFaceFolder.config(folder).dtype())) {
      case "bfloat16" -> DType.BF16;
      case "float16" -> DType.FP16;
      case "float32" -> DType.FP32;
      default -> compute.type();
    };
  }

  /**
   * {@return the micro-batch that keeps most for backward, of all epochs' orders}
   *
   * @param kernels of the backend
   * @param data the rows to train on; each is read once
   * @throws UsageException when nothing tells the model's sizes
   */
  public Load heaviest(KernelMemory kernels, Dataset data) {
    return heaviest(kernels, data, 1, 1);
  }

  /**
   * {@return the same of any process of several ranks, each of which takes every so-many-th row}
   *
   * @param kernels of the backend
   * @param data the rows to train on; each is read once
   * @param layout of the ranks
   * @param fullSize of how many ranks a batch is, of which some may be missing
   * @throws UsageException when nothing tells the model's sizes
   */
  public Load heaviest(KernelMemory kernels, Dataset data, RankLayout layout, int fullSize) {
    return layout.threads()
        ? of(layout).heaviest(kernels, data)
        : of(layout).heaviest(kernels, data, layout.worldSize(), fullSize);
  }

  /**
   * {@return the rows of a micro-batch of one process of these ranks}
   *
   * @param layout of the ranks
   */
  public int rowsOf(RankLayout layout) {
    return of(layout).training.batchSize();
  }

  private Load heaviest(KernelMemory kernels, Dataset data, int ranks, int fullSize) {
    return sampled == null
        ? new HeaviestLoad(model(kernels), training, loss).of(data, ranks, fullSize)
        : sampled.heaviest(data, training.batchSize());
  }

  /**
   * What to tell the user of a run that does not fit.
   *
   * @param kernels of the backend
   * @param load the heaviest micro-batch
   * @param available bytes beside what the process holds now
   * @return empty where it fits, is on a CUDA device, or nothing is known of the memory
   */
  public Optional<String> refusal(KernelMemory kernels, Load load, OptionalLong available) {
    MemoryModel model = model(kernels);
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
        "the run takes about %d MiB at its peak and %d MiB are available; %s; %s=off starts it anyway"
            .formatted(
                needed >> 20,
                room >> 20,
                ways.isEmpty()
                    ? "no setting reduces it: choose a smaller model"
                    : String.join(", ", ways),
                CHECK));
  }
}
