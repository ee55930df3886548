package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * What a Llama-type {@code config.json} says about a model. Fields that are not there have the
 * defaults of transformers' {@code LlamaConfig} and {@code MistralConfig}.
 *
 * @param file where it was read
 * @param modelType {@code llama} or {@code mistral}
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the MLP
 * @param numHiddenLayers how many blocks
 * @param numAttentionHeads query heads
 * @param numKeyValueHeads key and value heads, a divisor of the query heads
 * @param headDim width of a head, even
 * @param rmsNormEps added to the mean square
 * @param ropeTheta base of the rotation's frequencies
 * @param ropeScaling null where positions are not scaled
 * @param maxPositionEmbeddings the longest sequence the model was made for, in tokens
 * @param tieWordEmbeddings whether the head is the embedding
 * @param slidingWindow how many tokens a token sees, itself included; null for all before it
 * @param dtype the element type the checkpoint says it is in, as torch names it; null if unsaid
 * @param bosTokenId null if there is none
 * @param eosTokenIds empty if there is none
 * @param padTokenId null if there is none
 * @param fields everything in the file, known or not, as plain Java values
 */
public record HuggingFaceConfig(
    Path file,
    String modelType,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int headDim,
    double rmsNormEps,
    double ropeTheta,
    @Nullable RopeScaling ropeScaling,
    int maxPositionEmbeddings,
    boolean tieWordEmbeddings,
    @Nullable Integer slidingWindow,
    @Nullable String dtype,
    @Nullable Integer bosTokenId,
    List<Integer> eosTokenIds,
    @Nullable Integer padTokenId,
    Map<String, Object> fields) {

  private static final Set<String> MODEL_TYPES = Set.of("llama", "mistral");

  /** transformers has two names for one function. */
  private static final Set<String> SILU = Set.of("silu", "swish");

  private static final double DEFAULT_ROPE_THETA = 10_000;
  private static final double DEFAULT_NORM_EPS = 1e-6;
  private static final int DEFAULT_HIDDEN_SIZE = 4096;
  private static final int MISTRAL_SLIDING_WINDOW = 4096;

  // Far above any model's: what is larger would fill memory before weights are compared with it.
  private static final int MAX_LAYERS = 1000;
  private static final int MAX_WIDTH = 1 << 20;
  private static final int MAX_VOCABULARY = 1 << 24;

  /**
   * Llama 3.1's scaling of the rotation's frequencies.
   *
   * @param factor by which long wavelengths are stretched
   * @param lowFreqFactor wavelengths longer than the original context over this are stretched
   * @param highFreqFactor wavelengths shorter than the original context over this are kept
   * @param originalMaxPositionEmbeddings the original context in tokens
   */
  public record RopeScaling(
      double factor,
      double lowFreqFactor,
      double highFreqFactor,
      int originalMaxPositionEmbeddings) {}

  /**
   * Reads and checks a {@code config.json}.
   *
   * @throws InputException if it cannot be read, a field is missing or ill-typed, or the model is
   *     of a kind that is not supported
   */
  static HuggingFaceConfig read(Path file) {
    if (!Files.exists(file)) {
      throw new InputException(
          file
              + " does not exist; give the folder of a Hugging Face checkpoint, config.json in it");
    }
    JsonFields json = JsonFields.read(file);
    String modelType = json.text("model_type");
    if (!MODEL_TYPES.contains(modelType)) {
      throw json.wrong("model_type", "llama or mistral");
    }
    JsonFields rope = rope(json);
    refuseUnsupported(json, rope);
    boolean mistral = modelType.equals("mistral");
    int heads = json.size("num_attention_heads", 32, MAX_WIDTH);
    int hidden = json.size("hidden_size", DEFAULT_HIDDEN_SIZE, MAX_WIDTH);
    return new HuggingFaceConfig(
        file,
        modelType,
        json.size("vocab_size", 32_000, MAX_VOCABULARY),
        hidden,
        json.size("intermediate_size", mistral ? 14_336 : 11_008, MAX_WIDTH),
        json.size("num_hidden_layers", 32, MAX_LAYERS),
        heads,
        keyValueHeads(json, heads, mistral),
        headDim(json, hidden, heads),
        json.mentions("rms_norm_eps") ? json.positiveDecimal("rms_norm_eps") : DEFAULT_NORM_EPS,
        rope.positiveDecimal("rope_theta", json.positiveDecimal("rope_theta", DEFAULT_ROPE_THETA)),
        ropeScaling(rope),
        json.size("max_position_embeddings", mistral ? 131_072 : 2048, Integer.MAX_VALUE),
        json.flag("tie_word_embeddings", false),
        slidingWindow(json, mistral),
        json.optionalText("dtype").or(() -> json.optionalText("torch_dtype")).orElse(null),
        json.mentions("bos_token_id") ? tokenId(json, "bos_token_id") : Integer.valueOf(1),
        json.mentions("eos_token_id") ? eosTokenIds(json) : List.of(2),
        tokenId(json, "pad_token_id"),
        json.toMap());
  }

  /**
   * Writes the file's fields, some of them changed, to another file.
   *
   * @param target its folder exists; a file of that name is replaced
   * @param changes fields to replace or add: texts, numbers and booleans
   * @throws org.tune4j.EnvironmentException if it cannot be written
   */
  public void write(Path target, Map<String, Object> changes) {
    Map<String, Object> all = new LinkedHashMap<>(fields);
    all.putAll(changes);
    AtomicFile.write(target, ShardPlan.pretty(JsonFields.MAPPER.valueToTree(all)));
  }

  /**
   * What says how positions are rotated: transformers 5 reads {@code rope_scaling} before {@code
   * rope_parameters}, earlier versions read nothing else.
   */
  private static JsonFields rope(JsonFields json) {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      if (json.has(field) && !json.object(field).isEmpty()) {
        return json.object(field);
      }
    }
    return json.empty();
  }

  private static void refuseUnsupported(JsonFields json, JsonFields rope) {
    if (json.flag("attention_bias", false)) {
      throw json.wrong("attention_bias", "false; attention with biases is not supported");
    }
    if (json.flag("mlp_bias", false)) {
      throw json.wrong("mlp_bias", "false; an MLP with biases is not supported");
    }
    if (!SILU.contains(json.optionalText("hidden_act").orElse("silu"))) {
      throw json.wrong("hidden_act", "\"silu\"; no other activation is supported");
    }
    for (JsonFields fields : List.of(json, rope)) {
      if (fields.positiveDecimal("partial_rotary_factor", 1) != 1) {
        throw fields.wrong("partial_rotary_factor", "1; rotating part of a head is not supported");
      }
    }
    if (json.has("quantization_config")) {
      throw json.wrong(
          "quantization_config", "none; give the checkpoint in float32, float16 or bfloat16");
    }
  }

  /** Null stands for as many as query heads; Mistral has 8 where the field is not even null. */
  private static int keyValueHeads(JsonFields json, int heads, boolean mistral) {
    int absent = mistral && !json.mentions("num_key_value_heads") ? 8 : heads;
    int keyValueHeads = json.positive("num_key_value_heads", absent);
    if (heads % keyValueHeads != 0) {
      throw json.has("num_key_value_heads")
          ? json.wrong("num_key_value_heads", "a divisor of num_attention_heads " + heads)
          : json.wrong("num_attention_heads", "a multiple of the default num_key_value_heads 8");
    }
    return keyValueHeads;
  }

  private static int headDim(JsonFields json, int hidden, int heads) {
    if (!json.has("head_dim") && hidden % heads != 0) {
      throw json.wrong("hidden_size", "a multiple of num_attention_heads " + heads);
    }
    int headDim = json.positive("head_dim", Math.max(1, hidden / heads));
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

  private static @Nullable RopeScaling ropeScaling(JsonFields rope) {
    String typeField = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
    if (!rope.has(typeField) && !rope.has("factor")) {
      return null;
    }
    String type = rope.text(typeField);
    if (type.equals("default")) {
      return null;
    }
    if (!type.equals("llama3")) {
      throw rope.wrong(typeField, "\"llama3\" or \"default\"; no other scaling is supported");
    }
    RopeScaling read =
        new RopeScaling(
            rope.positiveDecimal("factor"),
            rope.positiveDecimal("low_freq_factor"),
            rope.positiveDecimal("high_freq_factor"),
            rope.positive("original_max_position_embeddings"));
    if (read.highFreqFactor() <= read.lowFreqFactor()) {
      throw rope.wrong(
          "high_freq_factor", "a number above low_freq_factor " + read.lowFreqFactor());
    }
    return read;
  }

  /** Llama has no window; Mistral's default counts only where the field is not even null. */
  private static @Nullable Integer slidingWindow(JsonFields json, boolean mistral) {
    if (!mistral) {
      return null;
    }
    if (!json.mentions("sliding_window")) {
      return MISTRAL_SLIDING_WINDOW;
    }
    return json.has("sliding_window") ? json.positive("sliding_window") : null;
  }

  /** Early Llama checkpoints write -1 for a token that they do not have. */
  private static @Nullable Integer tokenId(JsonFields json, String field) {
    if (!json.has(field)) {
      return null;
    }
    int id = json.wholeNumber(field, -1);
    return id < 0 ? null : id;
  }

  private static List<Integer> eosTokenIds(JsonFields json) {
    JsonNode value = json.value("eos_token_id");
    if (value == null || !value.isArray()) {
      Integer id = tokenId(json, "eos_token_id");
      return id == null ? List.of() : List.of(id);
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : value) {
      if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
        throw json.wrong("eos_token_id", "a token id or a list of token ids");
      }
      ids.add(id.intValue());
    }
    return List.copyOf(ids);
  }
}
