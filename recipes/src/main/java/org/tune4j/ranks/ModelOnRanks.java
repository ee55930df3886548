package org.tune4j.ranks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.checkpointing.ModelWriter;
import org.tune4j.optim.Optimizer;
import org.tune4j.runs.SavedRun;
import org.tune4j.runs.TrainedState;
import org.tune4j.training.TrainedModel;

/** A model as the ranks of a run share it. All ranks call the same methods in the same order. */
public sealed interface ModelOnRanks extends TrainedModel permits ReplicatedModel, ShardedModel {
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
   * Writes what is trained into a checkpoint's folder: the adapter or, without adapters, the model.
   *
   * @param writer of the run
   * @param folder of the checkpoint; exists
   * @param values by full parameter name
   * @param size of a full model's files
   * @throws IOException when it cannot be written
   */
  default void write(
      ModelWriter writer, Path folder, Map<String, StoredTensor> values, ShardSize size)
      throws IOException {
    if (decoder().adapter().isPresent()) {
      writer.writeAdapter(folder, decoder(), values);
    } else {
      writer.writeModel(folder, decoder(), values, size);
    }
  }

  /**
   * Has rank 0 write {@code epoch_N} or {@code best}.
   *
   * @param writer of the run
   * @param name of the folder
   * @param adapterOnly whether to leave the merged model out; not looked at without adapters
   * @param size of a full model's files
   * @return the folder; there once rank 0 has returned
   */
  Path save(ModelWriter writer, String name, boolean adapterOnly, ShardSize size);
}
