package org.tune4j.models.llama;

import java.util.stream.IntStream;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.tensor.DType;

/**
 * The architecture of Llama (Touvron et al. 2023), which Mistral's is too.
 *
 * @param family that read it
 * @param sizes of the decoder
 */
public record LlamaConfig(ModelFamily family, DecoderConfig sizes) implements ModelConfig {
  /**
   * A Llama's.
   *
   * @param sizes of the decoder
   */
  public LlamaConfig(DecoderConfig sizes) {
    this(new LlamaFamily(), sizes);
  }

  @Override
  public Decoder build(DType dtype) {
    AttentionShape attention = sizes.attention();
    return new Decoder(
        this,
        dtype,
        new Embedding(sizes.vocabSize(), sizes.hiddenSize(), dtype),
        IntStream.range(0, sizes.numLayers())
            .mapToObj(i -> new LlamaBlock(sizes, attention, dtype))
            .toList(),
        new RmsNorm(sizes.hiddenSize(), sizes.normEps(), dtype),
        Decoder.Names.LLAMA);
  }
}
