package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * What a Llama-type {@code config.json} says about a model, with the defaults that transformers
 * gives to fields that are not there.
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
  private static final double DEFAULT_ROPE_THETA = 10_000;
  private static final int MISTRAL_SLIDING_WINDOW = 4096;

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
    refuseUnsupported(json);
    int heads = json.positive("num_attention_heads");
    int hidden = json.positive("hidden_size");
    JsonFields rope = json.has("rope_parameters") ? json.object("rope_parameters") : json;
    return new HuggingFaceConfig(
        file,
        modelType,
        json.positive("vocab_size"),
        hidden,
        json.positive("intermediate_size"),
        json.positive("num_hidden_layers"),
        heads,
        keyValueHeads(json, heads),
        headDim(json, hidden, heads),
        json.positiveDecimal("rms_norm_eps"),
        rope.positiveDecimal("rope_theta", json.positiveDecimal("rope_theta", DEFAULT_ROPE_THETA)),
        ropeScaling(json),
        json.positive("max_position_embeddings"),
        json.flag("tie_word_embeddings", false),
        slidingWindow(json, modelType),
        json.optionalText("dtype").or(() -> json.optionalText("torch_dtype")).orElse(null),
        tokenId(json, "bos_token_id"),
        eosTokenIds(json),
        tokenId(json, "pad_token_id"),
        json.toMap());
  }

  private static void refuseUnsupported(JsonFields json) {
    if (json.flag("attention_bias", false)) {
      throw json.wrong("attention_bias", "false; attention with biases is not supported");
    }
    if (json.flag("mlp_bias", false)) {
      throw json.wrong("mlp_bias", "false; an MLP with biases is not supported");
    }
    if (!json.optionalText("hidden_act").orElse("silu").equals("silu")) {
      throw json.wrong("hidden_act", "\"silu\"; no other activation is supported");
    }
    if (json.positiveDecimal("partial_rotary_factor", 1) != 1) {
      throw json.wrong("partial_rotary_factor", "1; rotating part of a head is not supported");
    }
    if (json.has("quantization_config")) {
      throw json.wrong(
          "quantization_config", "none; give the checkpoint in float32, float16 or bfloat16");
    }
  }

  private static int keyValueHeads(JsonFields json, int heads) {
    int keyValueHeads = json.positive("num_key_value_heads", heads);
    if (heads % keyValueHeads != 0) {
      throw json.wrong("num_key_value_heads", "a divisor of num_attention_heads " + heads);
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
    return headDim;
  }

  private static @Nullable RopeScaling ropeScaling(JsonFields json) {
    String field = json.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
    if (!json.has(field)) {
      return null;
    }
    JsonFields scaling = json.object(field);
    String typeField = scaling.has("rope_type") || !scaling.has("type") ? "rope_type" : "type";
    String type = scaling.text(typeField);
    if (type.equals("default")) {
      return null;
    }
    if (!type.equals("llama3")) {
      throw scaling.wrong(typeField, "\"llama3\" or \"default\"; no other scaling is supported");
    }
    RopeScaling read =
        new RopeScaling(
            scaling.positiveDecimal("factor"),
            scaling.positiveDecimal("low_freq_factor"),
            scaling.positiveDecimal("high_freq_factor"),
            scaling.positive("original_max_position_embeddings"));
    if (read.highFreqFactor() <= read.lowFreqFactor()) {
      throw scaling.wrong(
          "high_freq_factor", "a number above low_freq_factor " + read.lowFreqFactor());
    }
    return read;
  }

  /** Llama has no window; Mistral's default counts only where the field is not even null. */
  private static @Nullable Integer slidingWindow(JsonFields json, String modelType) {
    if (!modelType.equals("mistral")) {
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
