package org.tune4j.checkpoint;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Llama as Meta publishes it: {@code consolidated.00.pth} and {@code params.json}. Source: {@code
 * convert_llama_weights_to_hf.py} of transformers.
 */
final class MetaModel {
  /** Its sizes. */
  static final String PARAMS = "params.json";

  /** Its weights; a model of several such files is cut through each of its weights. */
  static final Pattern FILE = Pattern.compile("consolidated\\.\\d\\d\\.pth");

  private static final String EMBEDDING = "tok_embeddings.weight";
  private static final String BUFFER = "rope.freqs";
  private static final Pattern LAYER = Pattern.compile("layers\\.(\\d+)\\.(.+)\\.weight");
  private static final Map<String, String> TOP =
      Map.of(
          EMBEDDING,
          "model.embed_tokens.weight",
          "norm.weight",
          "model.norm.weight",
          "output.weight",
          "lm_head.weight");
  private static final Map<String, String> IN_LAYER =
      Map.of(
          "attention.wq", "self_attn.q_proj",
          "attention.wk", "self_attn.k_proj",
          "attention.wv", "self_attn.v_proj",
          "attention.wo", "self_attn.o_proj",
          "feed_forward.w1", "mlp.gate_proj",
          "feed_forward.w2", "mlp.down_proj",
          "feed_forward.w3", "mlp.up_proj",
          "attention_norm", "input_layernorm",
          "ffn_norm", "post_attention_layernorm");
  private static final double LLAMA3_ROPE_THETA = 500_000;

  /** The widest model of Llama 3.2, whose {@code params.json} does not tell it from 3.1. */
  private static final int WIDEST_3_2 = 3072;

  private MetaModel() {}

  static boolean isOne(Set<String> names) {
    return names.contains(EMBEDDING);
  }

  /** By Hugging Face's names, the rows of q and k in its order. */
  static Map<String, Entry> weights(Path file, Map<String, Entry> entries, JsonFields config) {
    int heads = config.positive("num_attention_heads", 32);
    Map<String, Integer> turned =
        Map.of(
            "attention.wq", heads, "attention.wk", config.positive("num_key_value_heads", heads));
    Map<String, Entry> weights = new LinkedHashMap<>();
    for (Entry e : entries.values()) {
      if (e.name().equals(BUFFER)) {
        continue;
      }
      Matcher layer = LAYER.matcher(e.name());
      String module = layer.matches() ? layer.group(2) : "";
      String name =
          IN_LAYER.containsKey(module)
              ? "model.layers.%s.%s.weight".formatted(layer.group(1), IN_LAYER.get(module))
              : TOP.get(e.name());
      if (name == null) {
        throw new InputException(
            "%s: tensor %s is none of a Llama's".formatted(file, Texts.quoted(e.name())));
      }
      weights.put(name, RowLayout.turned(file, e.named(name), turned.getOrDefault(module, 0)));
    }
    return weights;
  }

  /** What Hugging Face's {@code config.json} would say. */
  static JsonFields config(Path file) {
    JsonFields params = JsonFields.read(file);
    int hidden = params.positive("dim");
    double theta = params.positiveDecimal("rope_theta", 10_000);
    boolean llama3 = theta >= LLAMA3_ROPE_THETA;
    boolean scaled = params.flag("use_scaled_rope", false);
    boolean small = scaled && hidden <= WIDEST_3_2;
    Map<String, Object> config = new TreeMap<>();
    config.put("architectures", List.of("LlamaForCausalLM"));
    config.put("model_type", "llama");
    config.put("hidden_size", hidden);
    config.put("intermediate_size", intermediate(params, hidden));
    config.put("num_hidden_layers", params.positive("n_layers"));
    config.put("num_attention_heads", params.positive("n_heads"));
    config.put("num_key_value_heads", params.positive("n_kv_heads", params.positive("n_heads")));
    int vocabulary = params.has("vocab_size") ? params.wholeNumber("vocab_size", -1) : -1;
    config.put("vocab_size", vocabulary > 0 ? vocabulary : 32_000);
    config.put("rms_norm_eps", params.positiveDecimal("norm_eps", 1e-5));
    config.put("rope_theta", theta);
    config.put("max_position_embeddings", scaled ? 131_072 : llama3 ? 8192 : 4096);
    config.put("tie_word_embeddings", small);
    config.put("torch_dtype", "bfloat16");
    config.put("bos_token_id", llama3 ? 128_000 : 1);
    config.put("eos_token_id", llama3 ? 128_001 : 2);
    if (scaled) {
      config.put(
          "rope_scaling",
          Map.of(
              "rope_type",
              "llama3",
              "factor",
              small ? 32.0 : 8.0,
              "low_freq_factor",
              1.0,
              "high_freq_factor",
              4.0,
              "original_max_position_embeddings",
              8192));
    }
    return JsonFields.of(file, config);
  }

  private static long intermediate(JsonFields params, int hidden) {
    long size = 8L * hidden / 3;
    size = (long) (size * params.positiveDecimal("ffn_dim_multiplier", 1));
    long multiple = params.positive("multiple_of", 256);
    return (size + multiple - 1) / multiple * multiple;
  }
}
