package org.tune4j.ranks;

import java.nio.file.Path;
import java.util.Map;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.models.Decoder;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.TrainedState;
import org.tune4j.training.RowsOverThreads;

/** A model as the ranks of a run share it. All ranks call the same methods in the same order. */
public sealed interface ModelOnRanks permits ReplicatedModel, ShardedModel {
  /** {@return the model that this rank runs its rows through} */
  Decoder decoder();

  /**
   * {@return what runs a micro-batch's rows through it, in groups where the model allows that;
   * open, the caller closes it}
   *
   * @param threads groups at once, or the backend's own threads where there is one group
   * @param loss what is minimised
   */
  RowsOverThreads rows(int threads, Loss loss);

  /**
   * {@return what this rank's optimiser updates, in its order: parameters by full name, or the
   * ranges of parts}
   */
  Map<String, Parameter> trained();

  /**
   * {@return what all ranks have trained, as it is now; rank 0 has it whole. The caller releases
   * it}
   *
   * @param optimizer this rank's, over {@link #trained}
   */
  TrainedState state(Optimizer optimizer);

  /**
   * Puts this rank's optimiser where a checkpoint left it.
   *
   * @param saved that the weights were loaded from
   * @param optimizer this rank's, over {@link #trained}
   * @throws org.tune4j.InputException when its file is broken or another optimiser's
   */
  void restore(SavedRun saved, Optimizer optimizer);

  /**
   * Has rank 0 write {@code epoch_N} or {@code best}.
   *
   * @param checkpointer of the run
   * @param name of the folder
   * @param adapterOnly whether to leave the merged model out; not looked at without adapters
   * @param size of a full model's files
   * @return the folder; there once rank 0 has returned
   */
  Path save(HuggingFaceCheckpointer checkpointer, String name, boolean adapterOnly, ShardSize size);
}
