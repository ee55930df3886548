package org.tune4j.inference;

import java.util.Arrays;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedRows;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Scores texts with a decoder that has a head of labels, adapters applied as they are. Holds
 * nothing between calls; several threads may share it.
 */
public final class Classifier {
  private final Engine engine;
  private final Decoder decoder;
  private final Labels labels;

  /**
   * Over a loaded model.
   *
   * @param engine that computes; closed by the caller, like the rest
   * @param decoder whose parameters all have storage
   * @throws UsageException when its head gives logits of tokens
   */
  public Classifier(Engine engine, Decoder decoder) {
    this.engine = engine;
    this.decoder = decoder;
    this.labels =
        decoder
            .config()
            .labels()
            .orElseThrow(
                () ->
                    new UsageException(
                        "the model is no classifier: its head gives logits of tokens, not scores of texts; train one with lora_classification_single_device or lora_reward_single_device"));
  }

  /** {@return the labels' names by their numbers} */
  public List<String> labels() {
    return labels.names();
  }

  /**
   * {@return the score of each label, {@code [labels]}: the logits at the last token that is no
   * padding}
   *
   * @param tokens of a text; those that the model does not take are left out
   * @throws InputException when there is none, or a score is no finite number
   */
  public double[] scores(int[] tokens) {
    if (tokens.length == 0) {
      throw new InputException("the text has no tokens, expected one or more");
    }
    int[] row = Arrays.copyOf(tokens, Math.min(tokens.length, decoder.config().maxSeqLen()));
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Pass pass = Pass.evaluation(engine, scope);
      Tensor logits = decoder.logits(pass, PackedRows.of(row));
      double[] scores = logits.narrow(0, labels.last(row), 1).toDoubles();
      if (!Arrays.stream(scores).allMatch(Double::isFinite)) {
        throw new InputException(
            "the scores are %s, which are no finite numbers; use --dtype fp32"
                .formatted(Arrays.toString(scores)));
      }
      return scores;
    }
  }

  /**
   * {@return the number of the label with the highest score}
   *
   * @param scores of all labels
   */
  public static int best(double[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }
}
