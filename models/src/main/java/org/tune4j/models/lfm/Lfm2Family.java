package org.tune4j.models.lfm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.FamilyConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ResidualBlock;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.GatedMlp;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.ShortConvolution;

/**
 * LFM2: short convolutions, and attention with norms of each head in some layers. Absent fields
 * have the defaults of transformers' {@code Lfm2Config}.
 */
public record Lfm2Family() implements ModelFamily {
  private static final Map<String, Number> ABSENT =
      Map.of(
          "vocab_size",
          65_536,
          "hidden_size",
          2560,
          "intermediate_size",
          12_288,
          "num_key_value_heads",
          8,
          "max_position_embeddings",
          128_000,
          "rope_theta",
          1_000_000,
          "norm_eps",
          1e-5,
          "tie_word_embeddings",
          1);

  private static final String CONVOLUTION = "conv";

  private static final GatedMlp.Names MLP = new GatedMlp.Names("w1", "w3", "w2");

  private static final Decoder.Names NAMES =
      new Decoder.Names("model", "embed_tokens", "layers", "embedding_norm", "lm_head");

  @Override
  public Set<String> modelTypes() {
    return Set.of("lfm2");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields = new DecoderFields(json, ABSENT, "conv_L_cache");
    DecoderConfig.Builder read = fields.sizes().names(NAMES);
    if (json.has("tie_embedding")) {
      read.tieWordEmbeddings(json.flag("tie_embedding", true));
    }
    int stated = read.build().intermediateSize();
    DecoderConfig sizes = read.intermediateSize(mlpWidth(json, stated)).build();
    int kernel = DecoderFields.kernel(json, "conv_L_cache", 3);
    boolean bias = json.flag("conv_bias", false);
    List<AttentionShape> shapes =
        DecoderFields.shapes(
            sizes, types(fields, sizes), 0, type -> fields.rotary(sizes, DecoderFields.FULL));
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of("conv_L_cache", kernel, "conv_bias", bias),
        shapes,
        (layer, shape, dtype) -> {
          ResidualBlock.Builder block =
              ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                  .mlp(
                      "feed_forward",
                      new GatedMlp(
                          MLP, dim, sizes.intermediateSize(), Activation.SILU, false, dtype))
                  .normsBefore("operator_norm", "ffn_norm");
          return shape.equals(AttentionShape.NONE)
              ? block.mixer("conv", new ShortConvolution(dim, kernel, bias, dtype)).build()
              : block
                  .attention(
                      Attention.builder(shape, dim, dtype)
                          .output("out_proj")
                          .headNorms("q_layernorm", "k_layernorm", sizes.normEps(), 0)
                          .build())
                  .build();
        },
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  /** Without {@code layer_types}, {@code full_attn_idxs} lists the layers with attention. */
  private static List<String> types(DecoderFields fields, DecoderConfig sizes) {
    JsonNode listed = fields.json().value("full_attn_idxs");
    Set<Integer> full = new HashSet<>();
    if (listed != null) {
      listed.forEach(i -> full.add(i.asInt()));
    }
    return fields.layerTypes(
        sizes.numLayers(), CONVOLUTION, layer -> listed == null || full.contains(layer));
  }

  /** Two thirds of what is stated, times a factor, rounded up, unless that is switched off. */
  private static int mlpWidth(JsonFields json, int stated) {
    int width = json.positive("block_ff_dim", stated);
    if (!json.flag("block_auto_adjust_ff_dim", true)) {
      return width;
    }
    int part = (int) (2L * width / 3);
    double factor = json.positiveDecimal("block_ffn_dim_multiplier", 1);
    int multiple = json.positive("block_multiple_of", 256);
    return Math.toIntExact(((long) (factor * part) + multiple - 1) / multiple * multiple);
  }
}
