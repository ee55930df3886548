package org.tune4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.Labels;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RopeScaling;
import org.tune4j.models.layers.RotaryEmbedding;

/**
 * The fields of {@code config.json} that decoders share, with what transformers takes for those
 * that are absent. What a family does not read and would change the result is refused by its name.
 */
public final class DecoderFields {
  /** A layer of {@code layer_types} that attends to all positions before a token. */
  public static final String FULL = "full_attention";

  /** A layer that attends to the last positions before a token. */
  public static final String SLIDING = "sliding_attention";

  /** What earlier versions of transformers call some types of layers. */
  private static final Map<String, String> EARLIER =
      Map.of("attention", FULL, "mamba", "linear_attention");

  static final String PART = "partial_rotary_factor";

  // Far above any model's: what is larger would fill memory before weights are compared with it.
  private static final int MAX_LAYERS = 1000;
  private static final int MAX_WIDTH = 1 << 20;
  private static final int MAX_VOCABULARY = 1 << 24;

  /** Llama's, where a family has none of its own. */
  private static final Map<String, Number> ABSENT =
      Map.ofEntries(
          Map.entry("vocab_size", 32_000),
          Map.entry("hidden_size", 4096),
          Map.entry("intermediate_size", 11_008),
          Map.entry("num_hidden_layers", 32),
          Map.entry("num_attention_heads", 32),
          Map.entry("num_key_value_heads", 0),
          Map.entry("head_dim", 0),
          Map.entry("max_position_embeddings", 2048),
          Map.entry("rope_theta", 10_000),
          Map.entry("tie_word_embeddings", 0),
          Map.entry("rms_norm_eps", 1e-6));

  /** Fields that change what some family computes, with their values that change nothing. */
  private static final Map<String, Set<String>> CHANGING =
      Map.ofEntries(
          Map.entry("attention_bias", Set.of("false")),
          Map.entry("mlp_bias", Set.of("false")),
          Map.entry("use_bias", Set.of("false")),
          Map.entry("use_qkv_bias", Set.of("false")),
          Map.entry("qkv_bias", Set.of("false")),
          Map.entry("use_qk_norm", Set.of("false")),
          Map.entry("qk_layernorm", Set.of("false")),
          Map.entry("clip_qkv", Set.of()),
          Map.entry("attn_logit_softcapping", Set.of("0.0", "0")),
          Map.entry("final_logit_softcapping", Set.of("0.0", "0")),
          Map.entry("logit_scale", Set.of("1.0", "1")),
          Map.entry("logits_scaling", Set.of("1.0", "1")),
          Map.entry("embedding_multiplier", Set.of("1.0", "1")),
          Map.entry("residual_multiplier", Set.of("1.0", "1")),
          Map.entry("attention_multiplier", Set.of()),
          Map.entry("query_pre_attn_scalar", Set.of()),
          Map.entry(PART, Set.of("1.0", "1")),
          Map.entry("rope_local_base_freq", Set.of()),
          Map.entry("no_rope_layers", Set.of()),
          Map.entry("use_sliding_window", Set.of("false")),
          Map.entry("use_bidirectional_attention", Set.of("false")),
          Map.entry("enable_moe_block", Set.of("false")),
          Map.entry("num_local_experts", Set.of("0", "1")),
          Map.entry("num_experts", Set.of("0", "1")),
          Map.entry("n_routed_experts", Set.of("0")),
          Map.entry("attn_output_gate", Set.of("false")),
          Map.entry("conv_L_cache", Set.of()),
          Map.entry("linear_num_value_heads", Set.of()),
          Map.entry("mamba_n_heads", Set.of()),
          Map.entry("alibi", Set.of("false")),
          Map.entry("parallel_attn", Set.of("false")));

  private final JsonFields json;
  private final Map<String, Number> absent;
  private final String epsField;

  /**
   * The fields of a file.
   *
   * @param json of a checkpoint
   * @param absent what other values than Llama's the family takes for absent fields, by their names
   * @param read fields that change results, such as {@code attention_bias}, and that the family
   *     reads itself
   * @throws org.tune4j.InputException when the family would ignore one
   */
  public DecoderFields(JsonFields json, Map<String, ? extends Number> absent, String... read) {
    this.json = json;
    this.absent = new HashMap<>(ABSENT);
    this.absent.putAll(absent);
    epsField =
        List.of("layer_norm_eps", "norm_epsilon", "norm_eps").stream()
            .filter(absent::containsKey)
            .findFirst()
            .orElse("rms_norm_eps");
    Set<String> own = Set.of(read);
    JsonFields rope = rope(FULL);
    if (!own.contains(PART) && rope.positiveDecimal(PART, 1) != 1) {
      throw rope.wrong(PART, "1; this family rotates whole heads");
    }
    CHANGING.forEach(
        (field, off) -> {
          JsonNode value = json.value(field);
          if (value != null && !own.contains(field) && !off.contains(value.toString())) {
            throw json.wrong(
                field,
                off.isEmpty()
                    ? "no such field; this family does not compute it"
                    : "%s; this family computes nothing else"
                        .formatted(String.join(" or ", new TreeSet<>(off))));
          }
        });
  }

  /** {@return the file's fields} */
  public JsonFields json() {
    return json;
  }

  /**
   * {@return the sizes, to be completed}
   *
   * @throws org.tune4j.InputException when a field is ill-typed or out of its range
   */
  public DecoderConfig.Builder sizes() {
    RopeFields rope = ropeFields(FULL);
    int heads = size("num_attention_heads", MAX_WIDTH);
    int hidden = size("hidden_size", MAX_WIDTH);
    return DecoderConfig.builder()
        .vocabSize(size("vocab_size", MAX_VOCABULARY))
        .hiddenSize(hidden)
        .intermediateSize(size("intermediate_size", MAX_WIDTH))
        .numLayers(size("num_hidden_layers", MAX_LAYERS))
        .heads(heads, keyValueHeads(heads), headDim(hidden, heads))
        .normEps(json.mentions(epsField) ? json.positiveDecimal(epsField) : number(epsField))
        .rope(rope.theta(), rope.scaling())
        .maxSeqLen(size("max_position_embeddings", Integer.MAX_VALUE))
        .tieWordEmbeddings(json.flag("tie_word_embeddings", number("tie_word_embeddings") != 0))
        .labels(Labels.of(json).orElse(null))
        .names(json.isTextModel() ? Decoder.Names.IN_IMAGE_MODEL : Decoder.Names.LLAMA);
  }

  private Number otherwise(String field) {
    return Objects.requireNonNull(absent.get(field));
  }

  private double number(String field) {
    return otherwise(field).doubleValue();
  }

  private int size(String field, int most) {
    return json.size(field, otherwise(field).intValue(), most);
  }

  // ---- Layers -------------------------------------------------------------------------------

  /**
   * {@return {@link #FULL} or {@link #SLIDING} of each layer, as {@code layer_types} says}
   *
   * @param layers how many there are
   * @param full whether a layer is {@link #FULL} where the field is absent, by its number from 0
   */
  public List<String> layerTypes(int layers, IntPredicate full) {
    return layerTypes(layers, SLIDING, full);
  }

  /**
   * {@return {@link #FULL} or another type of each layer, as {@code layer_types} says}
   *
   * @param layers how many there are
   * @param other what layers may be instead of {@link #FULL}
   * @param full whether a layer is {@link #FULL} where the field is absent, by its number from 0
   */
  public List<String> layerTypes(int layers, String other, IntPredicate full) {
    JsonNode listed = json.value("layer_types");
    if (listed == null) {
      return IntStream.range(0, layers).mapToObj(i -> full.test(i) ? FULL : other).toList();
    }
    List<String> all = new ArrayList<>();
    listed.forEach(t -> all.add(EARLIER.getOrDefault(t.asText(), t.asText())));
    if (all.size() != layers || !Set.of(FULL, other).containsAll(all)) {
      throw json.wrong(
          "layer_types", "%d of %s, %s, as num_hidden_layers says".formatted(layers, FULL, other));
    }
    return all;
  }

  /**
   * {@return how many tokens a convolution takes, the last one included; 2 or more}
   *
   * @param json of the checkpoint
   * @param field that says so
   * @param absent where the field is not there
   */
  public static int kernel(JsonFields json, String field, int absent) {
    int kernel = json.positive(field, absent);
    if (kernel < 2) {
      throw json.wrong(field, "2 or more");
    }
    return kernel;
  }

  /**
   * {@return the window of sliding layers; 0 where there is none}
   *
   * @param otherwise where the field is absent; null is no window
   */
  public int window(int otherwise) {
    if (!json.mentions("sliding_window")) {
      return otherwise;
    }
    return json.has("sliding_window") ? json.positive("sliding_window") : 0;
  }

  /**
   * {@return the shape of each layer's attention; {@link AttentionShape#NONE} where its type is
   * neither {@link #FULL} nor {@link #SLIDING}}
   *
   * @param sizes of the decoder
   * @param types of the layers
   * @param window of sliding layers
   * @param rotary of each type of layer
   */
  public static List<AttentionShape> shapes(
      DecoderConfig sizes,
      List<String> types,
      int window,
      Function<String, RotaryEmbedding> rotary) {
    Map<String, AttentionShape> shapes = new HashMap<>();
    for (String type : new TreeSet<>(types)) {
      if (type.equals(FULL) || type.equals(SLIDING)) {
        shapes.put(type, sizes.attention(type.equals(SLIDING) ? window : 0, rotary.apply(type)));
      }
    }
    return types.stream().map(t -> shapes.getOrDefault(t, AttentionShape.NONE)).toList();
  }

  /**
   * {@return the same of layers that are all alike}
   *
   * @param sizes of the decoder
   * @param window of all layers; 0 for none
   * @param rotary of all layers
   */
  public static List<AttentionShape> alike(
      DecoderConfig sizes, int window, RotaryEmbedding rotary) {
    return shapes(sizes, Collections.nCopies(sizes.numLayers(), SLIDING), window, type -> rotary);
  }

  // ---- Rotary positions -----------------------------------------------------------------------

  /**
   * {@return how the layers of a type are rotated}
   *
   * @param sizes of the decoder
   * @param type of the layers, where {@code rope_parameters} has an object for each
   */
  public RotaryEmbedding rotary(DecoderConfig sizes, String type) {
    return rotary(sizes.headDim(), type);
  }

  /**
   * {@return the same of heads of another width}
   *
   * @param headDim width of a head
   * @param type of the layers
   */
  public RotaryEmbedding rotary(int headDim, String type) {
    JsonFields rope = rope(type);
    RopeFields read = ropeFields(type);
    RopeScaling scaling = read.scaling();
    RotaryEmbedding whole = new RotaryEmbedding(headDim, read.theta(), scaling);
    if (scaling instanceof RopeScaling.Proportional) {
      return whole; // takes a part itself
    }
    double part =
        rope.positiveDecimal(
            PART, json.positiveDecimal(PART, absent.containsKey(PART) ? number(PART) : 1));
    int elements = (int) (headDim * part);
    if (elements % 2 != 0 || elements > headDim) {
      throw (rope.has(PART) ? rope : json)
          .wrong(PART, "a part of head_dim %d with an even number of elements".formatted(headDim));
    }
    return elements == headDim ? whole : whole.ofFirst(elements);
  }

  /** Null stands for as many as query heads, whatever the default of an absent field is. */
  private int keyValueHeads(int heads) {
    int numKvHeads = otherwise("num_key_value_heads").intValue();
    int own = numKvHeads == 0 || json.mentions("num_key_value_heads") ? heads : numKvHeads;
    int keyValueHeads = json.positive("num_key_value_heads", own);
    if (heads % keyValueHeads != 0) {
      throw json.has("num_key_value_heads")
          ? json.wrong("num_key_value_heads", "a divisor of num_attention_heads " + heads)
          : json.wrong(
              "num_attention_heads", "a multiple of the default num_key_value_heads " + numKvHeads);
    }
    return keyValueHeads;
  }

  private int headDim(int hidden, int heads) {
    int own = json.mentions("head_dim") ? 0 : otherwise("head_dim").intValue();
    if (!json.has("head_dim") && own == 0 && hidden % heads != 0) {
      throw json.wrong("hidden_size", "a multiple of num_attention_heads " + heads);
    }
    int headDim = json.positive("head_dim", own > 0 ? own : Math.max(1, hidden / heads));
    if (headDim % 2 != 0) {
      throw json.has("head_dim")
          ? json.wrong("head_dim", "an even number, as the rotation turns pairs")
          : json.wrong("hidden_size", "an even multiple of num_attention_heads " + heads);
    }
    if ((long) heads * headDim > MAX_WIDTH) {
      throw json.wrong(
          "head_dim", "at most %d over num_attention_heads %d".formatted(MAX_WIDTH, heads));
    }
    return headDim;
  }

  /**
   * {@return what says how positions are rotated; empty where nothing does}
   *
   * @param type of a layer, which may have an object of its own there
   */
  public JsonFields rope(String type) {
    return RopeFields.of(json, type);
  }

  private RopeFields ropeFields(String type) {
    return new RopeFields(
        json, rope(type), number("rope_theta"), size("max_position_embeddings", Integer.MAX_VALUE));
  }
}
