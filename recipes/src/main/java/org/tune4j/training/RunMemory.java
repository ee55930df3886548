package org.tune4j.training;

import java.io.PrintStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
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

/** A run's memory, planned from its settings before any weight is loaded. */
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
    /** What its memory depends on. */
    RunMemory memory();
  }

  /**
   * Prints the plan of this run, and refuses a run that does not fit.
   *
   * @param backend its name
   * @return the plan
   * @throws EnvironmentException when there is less memory; says what would take less
   */
  public MemoryPlan require(String backend, Dataset data, PrintStream out) {
    Load heaviest = heaviest(backend, data);
    MemoryPlan plan = plan(backend, heaviest);
    out.println(plan);
    if (!"off".equals(System.getenv(CHECK))) {
      refusal(backend, heaviest, AvailableMemory.bytes())
          .ifPresent(
              r -> {
                throw new EnvironmentException(r);
              });
    }
    return plan;
  }

  /** The plan of one micro-batch, on top of what the process holds now. */
  public MemoryPlan plan(String backend, Load load) {
    return model(backend).plan(load, resident());
  }

  private static long resident() {
    return ResidentSize.mebibytes() << 20;
  }

  /** Whether the checkpoint is there, so that its sizes and types count. */
  public boolean hasCheckpoint() {
    return Files.isDirectory(checkpointer.checkpointDir());
  }

  private MemoryModel model(String backend) {
    DType stored = compute.type();
    DecoderConfig sizes = model.config();
    if (hasCheckpoint()) {
      HuggingFaceFolder folder = HuggingFaceFolder.open(checkpointer.checkpointDir());
      stored = storedType(folder);
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
        model.lora(),
        compute.type(),
        stored,
        compute.enableActivationCheckpointing(),
        optimizerInBackward,
        optimizer.moments(),
        compute.rowThreads(),
        loss.chunkTokens());
  }

  /** The type of most of the weights' bytes. */
  private static DType storedType(HuggingFaceFolder folder) {
    Map<DType, Long> bytes = new HashMap<>();
    folder
        .weights()
        .values()
        .forEach(
            w ->
                bytes.merge(TensorFiles.dtype(w.file(), w.entry()), w.entry().length(), Long::sum));
    return bytes.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(DType.BF16);
  }

  /** The micro-batch that keeps most for backward, of all epochs' orders. */
  public Load heaviest(String backend, Dataset data) {
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
    Batches batches =
        new Batches(rows.size(), training.rowsPerStep(), training.shuffle(), training.seedOrZero());
    long steps = training.stepsPerEpoch(batches.perEpoch());
    Load heaviest = Load.of(1, 1);
    long most = -1;
    for (int epoch = 0; epoch < training.epochs(); epoch++) {
      for (long step = 0; step < steps; step++) {
        List<Integer> indices = batches.of(epoch, step);
        for (int from = 0; from < indices.size(); from += training.batchSize()) {
          int to = Math.min(indices.size(), from + training.batchSize());
          Load load = new Load(indices.subList(from, to).stream().map(rows::get).toList());
          long bytes = model.activations(load);
          if (bytes > most) {
            most = bytes;
            heaviest = load;
          }
        }
      }
    }
    return heaviest;
  }

  /**
   * What to tell the user of a run that does not fit.
   *
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
