package org.tune4j.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/**
 * The sizes of a Llama-type decoder.
 *
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the MLP
 * @param numLayers blocks of attention and MLP
 * @param numHeads query heads
 * @param numKvHeads key-value heads; divides {@code numHeads}
 * @param headDim width of one head, even
 * @param maxSeqLen the longest row, in tokens
 * @param normEps added to the mean square
 * @param ropeTheta base of the rotary frequencies
 * @param ropeScaling null where frequencies are used as they are
 * @param tieWordEmbeddings whether the head shares {@code model.embed_tokens.weight}
 * @param slidingWindow how many positions a query sees, itself included; 0 for all before it
 */
public record DecoderConfig(
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int numLayers,
    int numHeads,
    int numKvHeads,
    int headDim,
    int maxSeqLen,
    double normEps,
    double ropeTheta,
    @Nullable RopeScaling ropeScaling,
    boolean tieWordEmbeddings,
    int slidingWindow) {
  /**
   * Checks the sizes.
   *
   * @param vocabSize 1 or more
   * @param hiddenSize 1 or more
   * @param intermediateSize 1 or more
   * @param numLayers 1 or more
   * @param numHeads a multiple of {@code numKvHeads}
   * @param numKvHeads 1 or more
   * @param headDim even
   * @param maxSeqLen 1 or more
   * @param normEps above 0
   * @param ropeTheta above 0
   * @param ropeScaling null where frequencies are used as they are
   * @param tieWordEmbeddings whether the head shares the embedding
   * @param slidingWindow 0 or more
   * @throws UsageException naming what is out of its range, as {@code config.json} calls it
   */
  public DecoderConfig {
    positive("vocab_size", vocabSize);
    positive("hidden_size", hiddenSize);
    positive("intermediate_size", intermediateSize);
    positive("num_hidden_layers", numLayers);
    positive("num_attention_heads", numHeads);
    positive("num_key_value_heads", numKvHeads);
    positive("head_dim", headDim);
    positive("max_position_embeddings", maxSeqLen);
    if (numHeads % numKvHeads != 0) {
      throw new UsageException(
          "num_attention_heads %d is no multiple of num_key_value_heads %d"
              .formatted(numHeads, numKvHeads));
    }
    if (headDim % 2 != 0) {
      throw new UsageException("head_dim is %d, rotary embedding needs it even".formatted(headDim));
    }
    if (!(normEps > 0) || !(ropeTheta > 0)) {
      throw new UsageException(
          "rms_norm_eps is %s and rope_theta %s, expected both above 0"
              .formatted(normEps, ropeTheta));
    }
    if (slidingWindow < 0) {
      throw new UsageException(
          "sliding_window is %d, expected 0 (none) or more".formatted(slidingWindow));
    }
  }

  /**
   * What another has that this does not, as {@code rope_theta is 10000.0, expected 500000.0}: all
   * that changes a forward pass, so not {@code maxSeqLen}.
   */
  List<String> differences(DecoderConfig other) {
    List<String> found = new ArrayList<>();
    BiConsumer<String, Function<DecoderConfig, @Nullable Object>> compare =
        (key, get) -> {
          Object expected = get.apply(this);
          Object actual = get.apply(other);
          if (!Objects.equals(expected, actual)) {
            found.add("%s is %s, expected %s".formatted(key, actual, expected));
          }
        };
    compare.accept("vocab_size", DecoderConfig::vocabSize);
    compare.accept("hidden_size", DecoderConfig::hiddenSize);
    compare.accept("intermediate_size", DecoderConfig::intermediateSize);
    compare.accept("num_hidden_layers", DecoderConfig::numLayers);
    compare.accept("num_attention_heads", DecoderConfig::numHeads);
    compare.accept("num_key_value_heads", DecoderConfig::numKvHeads);
    compare.accept("head_dim", DecoderConfig::headDim);
    compare.accept("rms_norm_eps", DecoderConfig::normEps);
    compare.accept("rope_theta", DecoderConfig::ropeTheta);
    compare.accept("rope_scaling", DecoderConfig::ropeScaling);
    compare.accept("tie_word_embeddings", DecoderConfig::tieWordEmbeddings);
    compare.accept("sliding_window", DecoderConfig::slidingWindow);
    return List.copyOf(found);
  }

  private static void positive(String name, int value) {
    if (value <= 0) {
      throw new UsageException("%s is %d, expected 1 or more".formatted(name, value));
    }
  }
}
