package org.tune4j.training;

import java.nio.file.Path;
import java.util.Map;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;

/** A model as the ranks of a run share it. All ranks call the same methods in the same order. */
public sealed interface ModelOnRanks permits ReplicatedModel, ShardedModel {
  /** The model that this rank runs its rows through. */
  Decoder decoder();

  /** What runs a micro-batch's rows through it, in groups where the model allows that. */
  RowsOverThreads rows(int threads, Loss loss);

  /** What this rank's optimiser updates, in its order. */
  Map<String, Parameter> trained();

  /** What all ranks have trained, whole, as it is now; rank 0 has it. */
  TrainedState state(Optimizer optimizer);

  /** Puts this rank's optimiser where a checkpoint left it. */
  void restore(SavedRun saved, Optimizer optimizer);

  /** Has rank 0 write {@code epoch_N} or {@code best}; returns where. */
  Path save(HuggingFaceCheckpointer checkpointer, String name, boolean adapterOnly, ShardSize size);
}
