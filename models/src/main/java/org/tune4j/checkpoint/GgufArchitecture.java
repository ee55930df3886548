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
 * What llama.cpp calls the parts of a family that Hugging Face calls otherwise. Source: {@code
 * tensor_mapping.py} and {@code constants.py} of llama.cpp's {@code gguf} package.
 *
 * @param name in {@code general.architecture}
 * @param modelType in {@code config.json}
 * @param modelClass in {@code config.json}'s {@code architectures}
 * @param turns whether the rows of q and k are in Meta's order
 * @param inLayer Hugging Face's module of a layer by llama.cpp's name
 */
record GgufArchitecture(
    String name, String modelType, String modelClass, boolean turns, Map<String, String> inLayer) {
  /** Divisors of the rotation's frequencies, which {@code config.json} gives as a formula. */
  static final String ROPE_FACTORS = "rope_freqs.weight";

  private static final Map<String, String> TOP =
      Map.of(
          "token_embd", "model.embed_tokens",
          "output_norm", "model.norm",
          "output", "lm_head");

  private static final List<GgufArchitecture> ALL =
      List.of(
          new GgufArchitecture(
              "llama",
              "llama",
              "LlamaForCausalLM",
              true,
              Map.of(
                  "attn_norm", "input_layernorm",
                  "attn_q", "self_attn.q_proj",
                  "attn_k", "self_attn.k_proj",
                  "attn_v", "self_attn.v_proj",
                  "attn_output", "self_attn.o_proj",
                  "ffn_norm", "post_attention_layernorm",
                  "ffn_gate", "mlp.gate_proj",
                  "ffn_up", "mlp.up_proj",
                  "ffn_down", "mlp.down_proj")));

  private static final Pattern NAME =
      Pattern.compile("(?:blk\\.(\\d+)\\.)?([a-z_]+)\\.(weight|bias)");
  private static final Pattern HUGGING_FACE =
      Pattern.compile("(?:model\\.layers\\.(\\d+)\\.)?([a-z_.]+)\\.(weight|bias)");

  /** Of a file. */
  static GgufArchitecture of(GgufMetadata metadata) {
    String name = metadata.text("general.architecture");
    return ALL.stream()
        .filter(a -> a.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                metadata.wrong(
                    "general.architecture", "one of " + ALL.stream().map(a -> a.name()).toList()));
  }

  /** Of a Hugging Face model. Mistral is a Llama to llama.cpp. */
  static GgufArchitecture of(JsonFields config) {
    String type = config.text("model_type");
    String known = type.equals("mistral") ? "llama" : type;
    return ALL.stream()
        .filter(a -> a.modelType().equals(known))
        .findFirst()
        .orElseThrow(() -> config.wrong("model_type", "llama or mistral for a GGUF file"));
  }

  /** By Hugging Face's names, the rows of q and k in its order. */
  Map<String, Entry> weights(Path file, Map<String, Entry> entries, JsonFields config) {
    Map<String, Entry> weights = new LinkedHashMap<>();
    for (Entry e : entries.values()) {
      if (e.name().equals(ROPE_FACTORS)) {
        continue;
      }
      Matcher m = NAME.matcher(e.name());
      boolean known = m.matches();
      String layer = known ? m.group(1) : null;
      String module = !known ? null : layer == null ? TOP.get(m.group(2)) : inLayer.get(m.group(2));
      if (module == null) {
        throw new InputException(
            "%s: tensor %s is none of the architecture '%s'"
                .formatted(file, Texts.quoted(e.name()), name));
      }
      Entry named =
          e.named((layer == null ? "" : "model.layers." + layer + ".") + module + "." + m.group(3));
      weights.put(
          named.name(), RowLayout.turned(file, named, turns ? heads(named.name(), config) : 0));
    }
    return weights;
  }

  /** How many heads a weight's rows are divided among where they are turned; 0 for none. */
  static int heads(String weight, JsonFields config) {
    int heads = config.positive("num_attention_heads", 32);
    return weight.contains("self_attn.q_proj.")
        ? heads
        : weight.contains("self_attn.k_proj.") ? config.positive("num_key_value_heads", heads) : 0;
  }

  static int headDim(JsonFields config) {
    int heads = config.positive("num_attention_heads", 32);
    return config.positive("head_dim", Math.max(1, config.positive("hidden_size") / heads));
  }

  /** llama.cpp's name of a weight. */
  String nameOf(String weight) {
    Matcher m = HUGGING_FACE.matcher(weight);
    if (m.matches()) {
      Map<String, String> names = m.group(1) == null ? TOP : inLayer;
      for (Map.Entry<String, String> e : names.entrySet()) {
        if (e.getValue().equals(m.group(2))) {
          return (m.group(1) == null ? "" : "blk." + m.group(1) + ".")
              + e.getKey()
              + "."
              + m.group(3);
        }
      }
    }
    throw new InputException(
        "weight %s is none of the architecture '%s' of GGUF".formatted(Texts.quoted(weight), name));
  }

  /** What {@code config.json} would say. */
  Map<String, Object> config(GgufMetadata m, Set<String> tensors) {
    String key = name + ".";
    Map<String, Object> config = new TreeMap<>();
    config.put("architectures", List.of(modelClass));
    config.put("model_type", modelType);
    config.put("torch_dtype", "bfloat16");
    config.put("hidden_size", m.whole(key + "embedding_length"));
    config.put("intermediate_size", m.whole(key + "feed_forward_length"));
    config.put("num_hidden_layers", m.whole(key + "block_count"));
    long heads = m.whole(key + "attention.head_count");
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", m.whole(key + "attention.head_count_kv", heads));
    m.optionalWhole(key + "attention.key_length").ifPresent(n -> config.put("head_dim", n));
    config.put("max_position_embeddings", m.whole(key + "context_length"));
    config.put(
        "rms_norm_eps",
        m.decimal(key + "attention.layer_norm_rms_epsilon")
            .orElseThrow(() -> m.wrong(key + "attention.layer_norm_rms_epsilon", "a number")));
    config.put("rope_theta", m.decimal(key + "rope.freq_base").orElse(10_000.0));
    String scaling = m.optionalText(key + "rope.scaling.type").orElse("none");
    if (!scaling.equals("none")) {
      config.put(
          "rope_scaling",
          Map.of(
              "rope_type", scaling, "factor", m.decimal(key + "rope.scaling.factor").orElse(1.0)));
    }
    config.put(
        "vocab_size", m.list("tokenizer.ggml.tokens", String.class, "a list of texts").size());
    config.put("tie_word_embeddings", !tensors.contains("output.weight"));
    config.put("bos_token_id", m.whole("tokenizer.ggml.bos_token_id", -1));
    config.put("eos_token_id", m.whole("tokenizer.ggml.eos_token_id", -1));
    return config;
  }

  /** The same as metadata; the rotation's scaling is a tensor, or refused. */
  Map<String, Object> metadata(JsonFields config) {
    Map<String, Object> m = new LinkedHashMap<>();
    int heads = config.positive("num_attention_heads", 32);
    int headDim = headDim(config);
    m.put(name + ".block_count", config.positive("num_hidden_layers"));
    m.put(name + ".context_length", config.positive("max_position_embeddings", 2048));
    m.put(name + ".embedding_length", config.positive("hidden_size"));
    m.put(name + ".feed_forward_length", config.positive("intermediate_size"));
    m.put(name + ".attention.head_count", heads);
    m.put(name + ".attention.head_count_kv", config.positive("num_key_value_heads", heads));
    m.put(name + ".attention.key_length", headDim);
    m.put(name + ".attention.value_length", headDim);
    m.put(name + ".rope.dimension_count", headDim);
    m.put(name + ".rope.freq_base", (float) GgufRope.theta(config));
    m.put(
        name + ".attention.layer_norm_rms_epsilon",
        (float) config.positiveDecimal("rms_norm_eps", 1e-6));
    m.put(name + ".vocab_size", config.positive("vocab_size"));
    JsonFields rope = GgufRope.fields(config);
    String type = rope.optionalText("rope_type").or(() -> rope.optionalText("type")).orElse("");
    if (type.equals("linear")) {
      m.put(name + ".rope.scaling.type", type);
      m.put(name + ".rope.scaling.factor", (float) rope.positiveDecimal("factor"));
    } else if (!Set.of("", "default", "llama3").contains(type)) {
      throw config.wrong("rope_scaling", "none, llama3 or linear for a GGUF file");
    }
    return m;
  }
}
