package org.tune4j.tokenizers;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * The classes of transformers that change what a {@code tokenizer.json} says (4.57): those that
 * write its post-processor anew, for {@code add_bos_token} and {@code add_eos_token}, and those
 * with special tokens that no file has to name.
 */
enum TokenizerClass {
  LLAMA(true, true, Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>")),
  GEMMA(
      true,
      true,
      Map.of(
          "unk_token", "<unk>", "bos_token", "<bos>", "eos_token", "<eos>", "pad_token", "<pad>")),
  COHERE(
      true,
      true,
      Map.of(
          "unk_token", "<UNK>",
          "bos_token", "<BOS_TOKEN>",
          "eos_token", "<|END_OF_TURN_TOKEN|>")),
  GPT_NEOX(
      true,
      false,
      Map.of(
          "unk_token", "<|endoftext|>",
          "bos_token", "<|endoftext|>",
          "eos_token", "<|endoftext|>")),
  GPT2(
      false,
      false,
      Map.of(
          "unk_token", "<|endoftext|>",
          "bos_token", "<|endoftext|>",
          "eos_token", "<|endoftext|>")),
  QWEN2(
      false,
      false,
      Map.of(
          "unk_token", "<|endoftext|>",
          "eos_token", "<|endoftext|>",
          "pad_token", "<|endoftext|>")),
  OTHER(false, false, Map.of());

  /** Whether {@code add_bos_token} and {@code add_eos_token} decide what stands around a text. */
  final boolean writesPostProcessor;

  /** What {@code add_bos_token} is where it is not given. */
  final boolean addsBos;

  /** Texts of special tokens that no file names. */
  @SuppressWarnings("ImmutableEnumChecker") // of Map.of
  final Map<String, String> specialTokens;

  TokenizerClass(boolean writesPostProcessor, boolean addsBos, Map<String, String> specialTokens) {
    this.writesPostProcessor = writesPostProcessor;
    this.addsBos = addsBos;
    this.specialTokens = specialTokens;
  }

  /**
   * The class that {@code AutoTokenizer} takes.
   *
   * @param tokenizerConfig {@code tokenizer_config.json}
   * @param modelConfig {@code config.json}
   */
  static TokenizerClass of(JsonNode tokenizerConfig, JsonNode modelConfig) {
    String name =
        tokenizerConfig
            .path("tokenizer_class")
            .asText(modelConfig.path("tokenizer_class").asText(""));
    if (name.isEmpty() || name.equals("null")) {
      return ofModelType(modelConfig.path("model_type").asText());
    }
    return switch (name.endsWith("Fast") ? name.substring(0, name.length() - 4) : name) {
      case "LlamaTokenizer", "CodeLlamaTokenizer" -> LLAMA;
      case "GemmaTokenizer" -> GEMMA;
      case "CohereTokenizer" -> COHERE;
      case "GPTNeoXTokenizer" -> GPT_NEOX;
      case "GPT2Tokenizer" -> GPT2;
      case "Qwen2Tokenizer" -> QWEN2;
      default -> OTHER;
    };
  }

  private static TokenizerClass ofModelType(String type) {
    return switch (type) {
      case "llama", "code_llama", "mistral", "mixtral", "phi3", "phimoe", "persimmon" -> LLAMA;
      case "gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text" -> GEMMA;
      case "cohere", "cohere2" -> COHERE;
      case "gpt_neox", "olmo", "olmo2", "olmoe" -> GPT_NEOX;
      case "gpt2",
          "gpt_bigcode",
          "gpt_neo",
          "gptj",
          "granite",
          "granitemoe",
          "olmo3",
          "starcoder2" ->
          GPT2;
      case "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen3", "qwen3_moe" -> QWEN2;
      default -> OTHER;
    };
  }
}
