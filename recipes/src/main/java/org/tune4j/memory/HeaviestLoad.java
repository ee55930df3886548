package org.tune4j.memory;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.data.Batches;
import org.tune4j.data.Dataset;
import org.tune4j.nn.Objective;
import org.tune4j.training.RankSlice;
import org.tune4j.training.TrainingOptions;

/** Finds the micro-batch of a run that keeps most for backward, of all epochs' orders. */
record HeaviestLoad(MemoryModel model, TrainingOptions training, Objective loss) {
  /**
   * Looks through all steps.
   *
   * @param data the rows; each is read once
   * @param ranks how many there are, each of which takes every so-many-th row
   * @param fullSize of how many ranks a batch is, of which some may be missing
   */
  Load of(Dataset data, int ranks, int fullSize) {
    List<List<Integer>> rows = parts(data);
    Batches batches = training.batches(rows.size(), loss, fullSize);
    int together = training.batchSize() * loss.rowsTogether() * ranks;
    long steps = training.stepsPerEpoch(batches.perEpoch());
    Load heaviest = Load.of(1, 1);
    long most = -1;
    for (int epoch = 0; epoch < training.epochs(); epoch++) {
      for (long step = 0; step < steps; step++) {
        List<Integer> indices = batches.of(epoch, step);
        for (int from = 0; from < indices.size(); from += together) {
          List<Integer> all = indices.subList(from, Math.min(indices.size(), from + together));
          for (int rank = 0; rank < Math.min(ranks, all.size()); rank++) {
            Load load =
                new Load(
                    RankSlice.of(all, loss.rowsTogether(), rank, ranks).stream()
                        .map(rows::get)
                        .toList());
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

  /** The lengths of each row's parts: several where it is a pack. */
  private static List<List<Integer>> parts(Dataset data) {
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
    return rows;
  }
}
