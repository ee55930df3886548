package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;

/**
 * What a {@code config.json} says about a checkpoint, whatever its family. Absent token ids have
 * the defaults of transformers' {@code PretrainedConfig} for Llama.
 *
 * @param json everything in the file, for the family to read
 * @param tieWordEmbeddings whether the head is the embedding
 * @param dtype the element type the checkpoint says it is in, as torch names it; null if unsaid
 * @param bosTokenId null if there is none
 * @param eosTokenIds empty if there is none
 * @param padTokenId null if there is none
 */
public record HuggingFaceConfig(
    JsonFields json,
    boolean tieWordEmbeddings,
    @Nullable String dtype,
    @Nullable Integer bosTokenId,
    List<Integer> eosTokenIds,
    @Nullable Integer padTokenId) {
  private static final String QUANTISATION = "quantization_config";
  private static final String VOCABULARY = "vocab_size";
  private static final String PER_LAYER = "vocab_size_per_layer_input";
  private static final String TIED = "tie_word_embeddings";

  /**
   * {@return the fields of a text model: all, or those of the one inside an image model}
   *
   * @param json of a {@code config.json}
   */
  public static JsonFields text(JsonFields json) {
    // The head is the image model's.
    return json.has(TextModel.CONFIG) ? json.object(TextModel.CONFIG).with(TIED, json) : json;
  }

  /**
   * {@return the same with so many tokens; itself where it has them}
   *
   * @param rows one for each token of a tokenizer
   * @throws InputException if each layer takes an input of its own for every token
   */
  public HuggingFaceConfig withVocabulary(int rows) {
    JsonFields text = inImageModel() ? json.object(TextModel.CONFIG) : json;
    if (!text.has(VOCABULARY) || text.positive(VOCABULARY) >= rows) {
      return this;
    }
    if (text.has(PER_LAYER)) {
      throw text.wrong(PER_LAYER, "null where tokens are added: a layer has no input for them");
    }
    JsonFields wider =
        inImageModel()
            ? json.set(TextModel.CONFIG, text.set(VOCABULARY, rows).toMap())
            : json.set(VOCABULARY, rows);
    return new HuggingFaceConfig(
        wider, tieWordEmbeddings, dtype, bosTokenId, eosTokenIds, padTokenId);
  }

  /**
   * {@return the same of a classifier of these labels}
   *
   * @param labels by their numbers; {@link Labels#numbered} ones stand for the file's own
   * @throws InputException if the file names others, or the model is not one of text alone
   */
  public HuggingFaceConfig withLabels(List<String> labels) {
    requireTextAlone(json);
    return new HuggingFaceConfig(
        Labels.write(json, labels), tieWordEmbeddings, dtype, bosTokenId, eosTokenIds, padTokenId);
  }

  private static void requireTextAlone(JsonFields json) {
    if (json.has(TextModel.CONFIG)) {
      throw json.wrong(
          "architectures", "a model of text alone, of which classifiers are supported");
    }
  }

  /** Whether the text model is a part of an image model's checkpoint. */
  boolean inImageModel() {
    return json.has(TextModel.CONFIG);
  }

  /** Refuses a stored head that the image model ties and its text model does not. */
  void requireTied() {
    if (inImageModel() && !json.object(TextModel.CONFIG).flag(TIED, true)) {
      throw json.wrong(TIED, "false, as in text_config: the checkpoint has an lm_head.weight");
    }
  }

  /** How weights are quantised; empty where they are not. */
  Optional<JsonFields> quantisation() {
    return json.has(QUANTISATION) ? Optional.of(json.object(QUANTISATION)) : Optional.empty();
  }

  /**
   * Reads and checks a {@code config.json}, or what stands for it in Meta's folders.
   *
   * @throws InputException if it cannot be read, or a field is ill-typed
   */
  static HuggingFaceConfig read(Path file) {
    Path params = file.resolveSibling(MetaModel.PARAMS);
    boolean meta = !Files.exists(file) && Files.exists(params);
    if (!meta && !Files.exists(file)) {
      throw new InputException(
          file
              + " does not exist; give the folder of a Hugging Face checkpoint, config.json in it");
    }
    JsonFields json = meta ? MetaModel.config(params) : JsonFields.read(file);
    if (json.has(QUANTISATION)) {
      QuantMethod.of(json.object(QUANTISATION));
    }
    if (Labels.of(json).isPresent()) {
      requireTextAlone(json);
    }
    JsonFields text = text(json);
    return new HuggingFaceConfig(
        json,
        text.flag(TIED, false),
        dtype(json).or(() -> dtype(text)).orElse(null),
        text.mentions("bos_token_id") ? tokenId(text, "bos_token_id") : Integer.valueOf(1),
        text.mentions("eos_token_id") ? eosTokenIds(text) : List.of(2),
        padTokenId(text));
  }

  /** Of padding; null where there is none. */
  static @Nullable Integer padTokenId(JsonFields json) {
    return tokenId(json, "pad_token_id");
  }

  private static Optional<String> dtype(JsonFields json) {
    return json.optionalText("dtype").or(() -> json.optionalText("torch_dtype"));
  }

  /**
   * Writes the file's fields, some of them changed, to another file.
   *
   * @param target its folder exists; a file of that name is replaced
   * @param changes fields to replace or add: texts, numbers and booleans
   * @throws org.tune4j.EnvironmentException if it cannot be written
   */
  public void write(Path target, Map<String, Object> changes) {
    Map<String, Object> all = new LinkedHashMap<>(json.toMap());
    all.remove(QUANTISATION); // weights are never written as they were quantised
    all.putAll(changes);
    // transformers 4 asks the text model whether the head is tied, 5 the whole.
    if (changes.containsKey(TIED) && all.get(TextModel.CONFIG) instanceof Map<?, ?> fields) {
      Map<Object, @Nullable Object> text = new LinkedHashMap<>(fields);
      text.put(TIED, changes.get(TIED));
      all.put(TextModel.CONFIG, text);
    }
    AtomicFile.write(target, ShardPlan.pretty(JsonFields.MAPPER.valueToTree(all)));
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
