package org.tune4j.models.granite;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
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
import org.tune4j.models.layers.Mamba2;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.tensor.DType;

/**
 * Granite 4 without mixtures of experts: Mamba-2, attention in some layers, and Granite's
 * multipliers. Absent fields have the defaults of transformers' {@code GraniteMoeHybridConfig}.
 */
public record GraniteHybridFamily() implements ModelFamily {
  private static final String LINEAR = "linear_attention";

  @Override
  public Set<String> modelTypes() {
    return Set.of("granitemoehybrid");
  }

  @Override
  public ModelConfig read(JsonFields json) {
    DecoderFields fields =
        new DecoderFields(
            json,
            Map.of(),
            "attention_bias",
            "attention_multiplier",
            "embedding_multiplier",
            "residual_multiplier",
            "logits_scaling",
            "mamba_n_heads",
            "num_local_experts");
    check(json);
    DecoderConfig sizes = sizes(json, fields);
    boolean bias = json.flag("attention_bias", false);
    double scale = json.positiveDecimal("attention_multiplier", 1);
    double residual = json.positiveDecimal("residual_multiplier", 1);
    Activation activation = Activation.read(json, "hidden_act", Activation.SILU);
    Mamba2.Shape mamba = mamba(json, sizes);
    long dim = sizes.hiddenSize();
    return new FamilyConfig(
        this,
        sizes,
        Map.of(
            "hidden_act",
            activation,
            "attention_bias",
            bias,
            "attention_multiplier",
            scale,
            "residual_multiplier",
            residual,
            "mamba",
            mamba),
        shapes(json, fields, sizes),
        (layer, shape, dtype) -> {
          ResidualBlock.Builder block =
              ResidualBlock.builder(shape, dim, () -> new RmsNorm(dim, sizes.normEps(), dtype))
                  .mlp("shared_mlp", mlp(sizes, activation, dtype))
                  .normsBefore("input_layernorm", "post_attention_layernorm")
                  .residual(residual);
          return shape.equals(AttentionShape.NONE)
              ? block
                  .mixer("mamba", new Mamba2(mamba, dim, activation, sizes.normEps(), dtype))
                  .build()
              : block
                  .attention(
                      Attention.builder(shape, dim, dtype).biases(bias, bias).scale(scale).build())
                  .build();
        },
        dtype -> new RmsNorm(dim, sizes.normEps(), dtype));
  }

  private static DecoderConfig sizes(JsonFields json, DecoderFields fields) {
    return fields
        .sizes()
        .intermediateSize(json.positive("shared_intermediate_size", 1024))
        .embeddingScale(json.positiveDecimal("embedding_multiplier", 1))
        .logits(1 / json.positiveDecimal("logits_scaling", 1), 0)
        .build();
  }

  private static List<AttentionShape> shapes(
      JsonFields json, DecoderFields fields, DecoderConfig sizes) {
    boolean rotates = json.optionalText("position_embedding_type").orElse("").equals("rope");
    RotaryEmbedding rotary =
        rotates ? fields.rotary(sizes, DecoderFields.FULL) : RotaryEmbedding.none(sizes.headDim());
    List<String> types = fields.layerTypes(sizes.numLayers(), LINEAR, layer -> false);
    return DecoderFields.shapes(sizes, types, 0, type -> rotary);
  }

  private static GatedMlp mlp(DecoderConfig sizes, Activation activation, DType dtype) {
    return GatedMlp.fused(
        "input_linear",
        "output_linear",
        sizes.hiddenSize(),
        sizes.intermediateSize(),
        activation,
        dtype);
  }

  /** Refuses what is not computed here. */
  private static void check(JsonFields json) {
    if (!json.has("num_local_experts") || json.wholeNumber("num_local_experts", 0) > 0) {
      throw json.wrong("num_local_experts", "0; mixtures of experts are not supported here");
    }
    if (json.positive("mamba_n_groups", 1) != 1) {
      throw json.wrong("mamba_n_groups", "1; no other number of groups is supported");
    }
    if (!json.optionalText("normalization_function").orElse("rmsnorm").equals("rmsnorm")) {
      throw json.wrong("normalization_function", "\"rmsnorm\"; no other norm is supported");
    }
    if (!Set.of("rope", "nope")
        .contains(json.optionalText("position_embedding_type").orElse("nope"))) {
      throw json.wrong("position_embedding_type", "\"rope\" or \"nope\"");
    }
    JsonNode limits = json.value("time_step_limit");
    if (limits != null
        && !(limits.size() == 2 && limits.get(0).asDouble() <= 0 && infinite(limits.get(1)))) {
      throw json.wrong("time_step_limit", "[0, Infinity]; other limits are not supported");
    }
  }

  /** As Python's json writes it, and as transformers 5 does. */
  private static boolean infinite(JsonNode value) {
    return value.asDouble() == Double.POSITIVE_INFINITY
        || value.path("__float__").asText().equals("Infinity");
  }

  private static Mamba2.Shape mamba(JsonFields json, DecoderConfig sizes) {
    long width = (long) json.positive("mamba_expand", 2) * sizes.hiddenSize();
    int heads = json.positive("mamba_n_heads", 128);
    if (width % heads != 0) {
      throw json.wrong("mamba_n_heads", "a divisor of mamba_expand times hidden_size, " + width);
    }
    JsonNode stated = json.value("mamba_d_head");
    int dim = Math.toIntExact(width / heads);
    if (stated != null && !stated.asText().equals("auto") && stated.asInt() != dim) {
      throw json.wrong(
          "mamba_d_head", dim + ", as mamba_expand, hidden_size and mamba_n_heads say");
    }
    return new Mamba2.Shape(
        heads,
        dim,
        json.positive("mamba_d_state", 256),
        DecoderFields.kernel(json, "mamba_d_conv", 4),
        json.flag("mamba_conv_bias", true),
        json.flag("mamba_proj_bias", false));
  }
}
