package org.tune4j.models.gemma;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.DecoderFields;
import org.tune4j.models.layers.Activation;
import org.tune4j.models.layers.Attention;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RopeScaling;
import org.tune4j.models.layers.RotaryEmbedding;
import org.tune4j.tensor.DType;

/**
 * What {@code config.json} says of Gemma 4's layers.
 *
 * @param sizes of the decoder
 * @param stream what leads from layer to layer
 * @param types of the layers
 * @param activation of the MLPs and of the layers' own inputs
 * @param bias whether attention's linears have biases
 * @param valuesOfKeys whether layers without a window take their keys for values
 * @param doubled whether MLPs are twice as wide in layers that share keys and values
 */
record Gemma4Layers(
    DecoderConfig sizes,
    Gemma4Stream stream,
    List<String> types,
    Activation activation,
    boolean bias,
    boolean valuesOfKeys,
    boolean doubled) {
  private static final String SHARED = "num_kv_shared_layers";
  private static final String PER_LAYER = "per_layer_config";
  private static final String VALUES = "attention_k_eq_v";
  private static final String WIDTH = "hidden_size_per_layer_input";

  static Gemma4Layers read(DecoderFields fields, DecoderConfig sizes) {
    JsonFields json = fields.json();
    int n = sizes.numLayers();
    List<String> types = new ArrayList<>(fields.layerTypes(n, i -> (i + 1) % 6 == 0));
    types.set(n - 1, DecoderFields.FULL); // as transformers has it, whatever the file says
    return new Gemma4Layers(
        sizes,
        new Gemma4Stream(
            sizes.hiddenSize(),
            json.mentions(WIDTH) ? json.wholeNumber(WIDTH, 0) : 256,
            shapes(fields, sizes, types),
            sources(json, types)),
        types,
        Activation.read(json, "hidden_activation", Activation.GELU_TANH),
        json.flag("attention_bias", false),
        json.flag(VALUES, false),
        json.flag("use_double_wide_mlp", false));
  }

  /** What changes a forward pass, by the names of {@code config.json}. */
  Map<String, Object> facts() {
    return Map.of(
        "hidden_act",
        activation,
        "attention_bias",
        bias,
        VALUES,
        valuesOfKeys,
        "use_double_wide_mlp",
        doubled,
        WIDTH,
        stream.perLayer(),
        SHARED,
        stream.sources());
  }

  /** A layer without storage. */
  Gemma4Block block(int layer, AttentionShape shape, DType dtype) {
    double eps = sizes.normEps();
    Attention.Builder attention =
        Attention.builder(shape, sizes.hiddenSize(), dtype)
            .biases(bias, bias)
            .headNorms("q_norm", "k_norm", eps, 0)
            .scale(1);
    boolean shares = stream.sources().get(layer) != layer;
    if (shares) {
      attention.sharesKeys();
    } else {
      attention.valueNorm(eps);
    }
    if (valuesOfKeys && types.get(layer).equals(DecoderFields.FULL)) {
      attention.valuesOfKeys();
    }
    long wide = (doubled && shares ? 2L : 1L) * sizes.intermediateSize();
    return new Gemma4Block(
        layer,
        stream,
        GemmaLayers.block(sizes, shape, attention.build(), activation, wide, 0, dtype),
        activation,
        eps,
        dtype);
  }

  /**
   * transformers 5.24 writes what a layer has of its own; the published files, what full ones do.
   */
  private static List<AttentionShape> shapes(
      DecoderFields fields, DecoderConfig sizes, List<String> types) {
    JsonFields json = fields.json();
    int window = fields.window(512);
    Map<String, AttentionShape> known = new HashMap<>();
    List<AttentionShape> shapes = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      String type = types.get(i);
      boolean full = type.equals(DecoderFields.FULL);
      int headDim = sizes.headDim();
      int kvHeads = sizes.numKvHeads();
      if (json.has(PER_LAYER)) {
        JsonFields own = ofLayer(json.object(PER_LAYER), String.valueOf(i));
        headDim = own.positive("head_dim", headDim);
        kvHeads = own.positive("num_key_value_heads", kvHeads);
      } else if (full) {
        headDim = json.positive("global_head_dim", 512);
        kvHeads =
            json.flag(VALUES, false)
                ? json.positive("num_global_key_value_heads", kvHeads)
                : kvHeads;
      }
      if (headDim % 2 != 0 || sizes.numHeads() % kvHeads != 0) {
        throw json.wrong(
            json.has(PER_LAYER) ? PER_LAYER : "global_head_dim",
            "even head_dim and divisors of num_attention_heads %d".formatted(sizes.numHeads()));
      }
      int dim = headDim;
      int heads = kvHeads;
      shapes.add(
          known.computeIfAbsent(
              "%s %d %d".formatted(type, dim, heads),
              unused ->
                  new AttentionShape(
                      sizes.numHeads(), heads, dim, full ? 0 : window, rotary(fields, dim, type))));
    }
    return shapes;
  }

  private static JsonFields ofLayer(JsonFields all, String layer) {
    if (!all.has(layer)) {
      return all.empty();
    }
    JsonFields own = all.object(layer);
    for (String field : own.toMap().keySet()) {
      if (!Set.of("head_dim", "num_key_value_heads").contains(field)) {
        throw own.wrong(field, "no such field; this family does not compute it");
      }
    }
    return own;
  }

  private static RotaryEmbedding rotary(DecoderFields fields, int headDim, String type) {
    if (!fields.rope(type).isEmpty()) {
      return fields.rotary(headDim, type);
    }
    return type.equals(DecoderFields.FULL)
        ? new RotaryEmbedding(headDim, 1_000_000, new RopeScaling.Proportional(0.25, 1))
        : new RotaryEmbedding(headDim, 10_000, null);
  }

  /** The last layer below the sharing ones that is of the same type, or the layer itself. */
  private static List<Integer> sources(JsonFields json, List<String> types) {
    int shared = json.has(SHARED) ? json.wholeNumber(SHARED, 0) : 0;
    List<String> own = types.subList(0, Math.max(0, types.size() - shared));
    if (!new HashSet<>(own).containsAll(types)) {
      throw json.wrong(SHARED, "a number that leaves a layer of each of layer_types");
    }
    List<Integer> sources = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      sources.add(i < own.size() ? i : own.lastIndexOf(types.get(i)));
    }
    return sources;
  }
}
