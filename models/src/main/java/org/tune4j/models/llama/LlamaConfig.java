package org.tune4j.models.llama;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ResidualBlock;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.tensor.DType;

/**
 * The architecture of Llama (Touvron et al. 2023), which Mistral's is too.
 *
 * @param family that read it
 * @param sizes of the decoder
 * @param attentionBias whether attention's linears have biases
 * @param mlpBias whether the MLP's have
 * @param activation of the MLP
 */
public record LlamaConfig(
    ModelFamily family,
    DecoderConfig sizes,
    boolean attentionBias,
    boolean mlpBias,
    Activation activation)
    implements ModelConfig {
  /**
   * A Llama's, without biases.
   *
   * @param sizes of the decoder
   */
  public LlamaConfig(DecoderConfig sizes) {
    this(new LlamaFamily(), sizes);
  }

  /**
   * One without biases.
   *
   * @param family that read it
   * @param sizes of the decoder
   */
  public LlamaConfig(ModelFamily family, DecoderConfig sizes) {
    this(family, sizes, false, false, Activation.SILU);
  }

  @Override
  public Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>(ModelConfig.super.facts());
    if (attentionBias) {
      facts.put("attention_bias", true);
    }
    if (mlpBias) {
      facts.put("mlp_bias", true);
    }
    if (activation != Activation.SILU) {
      facts.put("hidden_act", activation);
    }
    return facts;
  }

  @Override
  public Decoder build(DType dtype) {
    AttentionShape shape = sizes.attention();
    long dim = sizes.hiddenSize();
    return new Decoder(
        this,
        dtype,
        new Embedding(sizes.vocabSize(), dim, dtype),
        IntStream.range(0, sizes.numLayers())
            .mapToObj(
                i ->
                    ResidualBlock.builder(
                            shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                        .attention(
                            Attention.builder(shape, dim, dtype)
                                .biases(attentionBias, attentionBias)
                                .build())
                        .mlp(
                            new GatedMlp(dim, sizes.intermediateSize(), activation, mlpBias, dtype))
                        .normsBefore("input_layernorm", "post_attention_layernorm")
                        .build())
            .toList(),
        new RmsNorm(dim, sizes.normEps(), dtype),
        sizes.names());
  }
}
