package org.tune4j.models.gemma;

import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.IntPredicate;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.FamilyConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ResidualBlock;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.tensor.DType;

/** What Gemma 2 and its successors share. */
final class GemmaLayers {
  private GemmaLayers() {}

  /**
   * A layer with norms before and behind attention and MLP.
   *
   * @param wide width of the MLP
   * @param offset added to the norms' weights
   */
  static ResidualBlock block(
      DecoderConfig sizes,
      AttentionShape shape,
      Attention attention,
      Activation activation,
      long wide,
      double offset,
      DType dtype) {
    long dim = sizes.hiddenSize();
    return ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), offset, dtype))
        .attention(attention)
        .mlp(new GatedMlp(dim, wide, activation, false, dtype))
        .normsBefore("input_layernorm", "pre_feedforward_layernorm")
        .normsBehind("post_attention_layernorm", "post_feedforward_layernorm")
        .build();
  }

  /**
   * Gemma 2 and 3.
   *
   * @param attentionCap of scores where the file does not say; 0 for none
   * @param logitCap of logits, likewise
   * @param full whether a layer has no window where the file does not say, by its number from 0
   * @param rotary of each type of layer
   * @param headNorms whether each head's queries and keys are normed
   */
  static FamilyConfig config(
      ModelFamily family,
      DecoderFields fields,
      double attentionCap,
      double logitCap,
      IntPredicate full,
      BiFunction<DecoderConfig, String, RotaryEmbedding> rotary,
      boolean headNorms) {
    JsonFields json = fields.json();
    DecoderConfig sizes =
        fields
            .sizes()
            .embeddingScaleOfWidth()
            .logits(1, cap(json, "final_logit_softcapping", logitCap))
            .build();
    boolean bias = json.flag("attention_bias", false);
    double softCap = cap(json, "attn_logit_softcapping", attentionCap);
    double scale = 1 / Math.sqrt(json.positiveDecimal("query_pre_attn_scalar", 256));
    Activation activation = Activation.read(json, "hidden_activation", Activation.GELU_TANH);
    List<String> types = fields.layerTypes(sizes.numLayers(), full);
    List<AttentionShape> shapes =
        DecoderFields.shapes(sizes, types, fields.window(4096), type -> rotary.apply(sizes, type));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        family,
        sizes,
        Map.of(
            "hidden_act",
            activation,
            "attention_bias",
            bias,
            "attn_logit_softcapping",
            softCap,
            "scale",
            scale),
        shapes,
        (layer, shape, dtype) -> {
          Attention.Builder attention =
              Attention.builder(shape, dim, dtype).biases(bias, bias).scale(scale).softCap(softCap);
          if (headNorms) {
            attention.headNorms("q_norm", "k_norm", sizes.normEps(), 1);
          }
          return block(
              sizes, shape, attention.build(), activation, sizes.intermediateSize(), 1, dtype);
        },
        dtype -> new RmsNorm(dim, sizes.normEps(), 1, dtype));
  }

  /** Null is none. */
  static double cap(JsonFields json, String field, double absent) {
    return json.mentions(field) ? json.positiveDecimal(field, 0) : absent;
  }
}
