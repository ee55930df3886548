package org.tune4j.loss;

import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.nn.Loss;
import org.tune4j.tensor.Tensor;

/**
 * Cross-entropy of the next token in fp32, mean over labels that are not -100; logits exist for a
 * chunk of labels at a time.
 *
 * @param numOutputChunks accepted for torchtune's configs, where it divides the sequence
 * @param chunkTokens labels whose logits are computed at once
 */
public record ChunkedCrossEntropy(int numOutputChunks, int chunkTokens) implements Loss {
  /**
   * Checks both numbers.
   *
   * @param numOutputChunks 1 or more
   * @param chunkTokens 1 or more
   * @throws org.tune4j.UsageException when one is less
   */
  @Component(
      value = "chunked_cross_entropy",
      aliases = {
        "loss",
        "objective",
        "torchtune.modules.loss.CEWithChunkedOutputLoss",
        "torchtune.modules.loss.LinearCrossEntropyLoss",
        "torch.nn.CrossEntropyLoss"
      })
  public ChunkedCrossEntropy(
      @Doc("accepted for torchtune's configs; see chunk_tokens") @Default("8") int numOutputChunks,
      @Doc("labels whose logits are computed at once") @Default("128") int chunkTokens) {
    new Requirements()
        .atLeast(1, "num_output_chunks", numOutputChunks)
        .atLeast(1, "chunk_tokens", chunkTokens)
        .check();
    this.numOutputChunks = numOutputChunks;
    this.chunkTokens = chunkTokens;
  }

  @Override
  public Tensor sum(Tensor logits, Tensor labels) {
    return logits.engine().operations().crossEntropy(logits, labels);
  }

  @Override
  public @Nullable Tensor sumAndGradient(Tensor logits, Tensor labels) {
    return logits.engine().operations().crossEntropyGradient(logits, labels);
  }
}
