package org.tune4j.recipes;

import java.io.PrintStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.DataCache;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Objective;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.KnownReference;
import org.tune4j.training.TrainingData;

/**
 * The frozen model that an objective compares the trained one with.
 *
 * @param model its architecture, without adapters
 * @param checkpointer gives its weights
 * @param precomputed whether its log-probabilities are computed once and kept with the rows, else
 *     in every step
 */
record Comparison(ModelSpec model, HuggingFaceCheckpointer checkpointer, boolean precomputed) {
  /** The model that a run begins with, before any step. */
  static Comparison withStart(
      FinetuneOptions keys, @Nullable HuggingFaceCheckpointer other, boolean precomputed) {
    HuggingFaceCheckpointer from = other == null ? keys.checkpointer() : other;
    return new Comparison(keys.model().withAdapter(null), from.withAdapter(null), precomputed);
  }

  /** Compares its weights' names and shapes with its architecture. */
  void check() {
    checkpointer.check(model);
  }

  /** What is minimised by those that do not compute it in every step. */
  Objective objective(Objective objective) {
    return precomputed ? new KnownReference(objective) : objective;
  }

  /** What changes wherever the reference does. */
  String fingerprint() {
    return checkpointer.fingerprint(model);
  }

  /** Gives it to the trained model, unless it is known. */
  void giveTo(Decoder decoder, ProcessGroup ranks, Precision precision, boolean mapped) {
    if (!precomputed) {
      decoder.setReference(load(ranks, precision, mapped));
    }
  }

  private Decoder load(ProcessGroup ranks, Precision precision, boolean mapped) {
    Decoder decoder = checkpointer.load(model, ranks, precision, mapped, 0);
    decoder.parameters().values().forEach(p -> p.setTrainable(false));
    return decoder;
  }

  /** The rows with what is known of them, computed where it is not cached. */
  TrainingData known(
      TrainingData data,
      FinetuneOptions keys,
      ProcessGroup ranks,
      int threads,
      Precision precision,
      PrintStream out) {
    if (!precomputed) {
      return data;
    }
    KnownReference.Computing computing =
        new KnownReference.Computing(
            ranks,
            threads,
            keys.training().batchSize() * keys.loss().rowsTogether(),
            "%s %s %s".formatted(fingerprint(), ranks.engine().backend().name(), precision),
            DataCache.ofUser());
    if (computing.isNeeded(data)) {
      out.println("computing the reference's log-probabilities once");
      try (TensorScope scope = ranks.engine().openScope()) {
        computing.compute(
            data, load(ranks, precision, keys.compute().mmap()), keys.loss().chunkTokens());
      }
    }
    return computing.known(data);
  }
}
