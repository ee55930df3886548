package org.tune4j.memory;

import org.tune4j.data.Dataset;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderBlock;
import org.tune4j.tensor.DType;

/**
 * What takes memory where a step's answers are sampled before it.
 *
 * @param rows of a step, which have their caches at the same time
 * @param maxNewTokens of an answer at the most
 * @param packed whether there is a packed copy of the frozen weights
 */
public record SampledAnswers(int rows, int maxNewTokens, boolean packed) {
  /** A micro-batch of answers as long as may be, all to the longest prompt. */
  Load heaviest(Dataset prompts, int batchSize) {
    int longest = prompts.rowLengths().max().orElse(1);
    return Load.of(batchSize, Math.addExact(longest, maxNewTokens));
  }

  /** Bytes of a packed copy of the frozen weights, at the most. */
  long packedBytes(Decoder decoder, DType dtype) {
    return decoder.parameters().values().stream()
            .filter(p -> !p.trainable())
            .mapToLong(p -> p.shape().elements())
            .sum()
        * dtype.bytes();
  }

  /** Bytes of the caches, which are gone before the step is made. */
  long cacheBytes(Decoder decoder, DType dtype, Load load) {
    long perToken =
        decoder.layers().stream()
            .map(DecoderBlock::attentionShape)
            .mapToLong(a -> 2 * a.kvDim() * dtype.bytes())
            .sum();
    return (long) rows * load.longest() * perToken;
  }
}
