package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The sizes of an architecture, which {@code config.json} and GGUF's metadata both say. llama.cpp
 * computes some things without being told; a config that differs there is refused.
 *
 * @param architecture of the model
 */
record GgufSizes(GgufArchitecture architecture) {
  private static final String HEADS = "num_attention_heads";
  private static final String LAYERS = "num_hidden_layers";
  private static final String SCALAR = "query_pre_attn_scalar";
  private static final String PART = "partial_rotary_factor";
  private static final String ORIGINAL = "original_max_position_embeddings";

  private JsonFields table() {
    return architecture.table();
  }

  private Map<String, Object> part(String name) {
    return table().has(name) ? table().object(name).toMap() : Map.of();
  }

  static int headDim(JsonFields config) {
    int heads = config.positive(HEADS, 32);
    return config.positive("head_dim", Math.max(1, config.positive("hidden_size") / heads));
  }

  /** What {@code config.json} would say, but for what tensors say of rotations. */
  Map<String, Object> config(GgufMetadata m, Set<String> tensors) {
    String key = architecture.name() + ".";
    Map<String, Object> config = new TreeMap<>();
    config.put("architectures", List.of(table().text("class")));
    config.put("model_type", architecture.modelType());
    config.put("torch_dtype", "bfloat16");
    config.put("hidden_size", m.whole(key + "embedding_length"));
    config.put("intermediate_size", m.whole(key + "feed_forward_length"));
    config.put(LAYERS, m.whole(key + "block_count"));
    long heads = m.whole(key + "attention.head_count");
    config.put(HEADS, heads);
    config.put("num_key_value_heads", m.whole(key + "attention.head_count_kv", heads));
    long width = m.whole(key + "embedding_length") / Math.max(1, heads);
    long headDim = m.whole(key + "attention.key_length", width);
    if (m.has(key + "attention.key_length")) {
      config.put("head_dim", headDim);
    }
    config.put("max_position_embeddings", m.whole(key + "context_length"));
    config.put("rope_theta", m.decimal(key + "rope.freq_base").orElse(10_000.0));
    long rotated = m.whole(key + "rope.dimension_count", headDim);
    if (rotated != headDim) {
      config.put(PART, (double) rotated / headDim);
    }
    scaling(m, key, config);
    part("wholes")
        .forEach(
            (own, field) ->
                m.optionalWhole(key + own).ifPresent(n -> config.put((String) field, n)));
    part("decimals")
        .forEach(
            (own, field) -> {
              Optional<Double> value = m.decimal(key + own);
              if (value.isEmpty() && own.contains("epsilon")) {
                throw m.wrong(key + own, "a number");
              }
              value.ifPresent(n -> config.put((String) field, n));
            });
    config.putAll(part("implied"));
    part("biases").forEach((field, own) -> config.put(field, tensors.contains("blk.0." + own)));
    if (table().has("local")) {
      double local = table().positive("local");
      if (m.decimal(key + "rope.freq_base_swa").orElse(local) != local) {
        throw m.wrong(key + "rope.freq_base_swa", String.valueOf(local));
      }
    }
    if (table().has("large")) {
      boolean large = m.whole(key + "block_count") == table().positive("large");
      config.put(SCALAR, large ? width : headDim);
    }
    config.put(
        "vocab_size", m.list("tokenizer.ggml.tokens", String.class, "a list of texts").size());
    config.put("tie_word_embeddings", !tensors.contains("output.weight"));
    config.put("bos_token_id", m.whole("tokenizer.ggml.bos_token_id", -1));
    config.put("eos_token_id", m.whole("tokenizer.ggml.eos_token_id", -1));
    return config;
  }

  private static void scaling(GgufMetadata m, String key, Map<String, Object> config) {
    String type = m.optionalText(key + "rope.scaling.type").orElse("none");
    String original = key + "rope.scaling.original_context_length";
    if (type.equals("none")) {
      m.optionalWhole(original).ifPresent(n -> config.put(ORIGINAL, n));
      return;
    }
    Map<String, Object> scaling = new LinkedHashMap<>();
    scaling.put("rope_type", type);
    scaling.put("factor", m.decimal(key + "rope.scaling.factor").orElse(1.0));
    m.optionalWhole(original).ifPresent(n -> scaling.put(ORIGINAL, n));
    config.put("rope_scaling", scaling);
  }

  /** The same as metadata; the rotation's scaling is in tensors too, or refused. */
  Map<String, Object> metadata(JsonFields config) {
    requireImplied(config);
    String key = architecture.name() + ".";
    Map<String, Object> m = new LinkedHashMap<>();
    int heads = config.positive(HEADS, 32);
    int headDim = headDim(config);
    m.put(key + "block_count", config.positive(LAYERS));
    m.put(key + "context_length", config.positive("max_position_embeddings", 2048));
    m.put(key + "embedding_length", config.positive("hidden_size"));
    m.put(key + "feed_forward_length", config.positive("intermediate_size"));
    m.put(key + "attention.head_count", heads);
    m.put(key + "attention.head_count_kv", config.positive("num_key_value_heads", heads));
    m.put(key + "attention.key_length", headDim);
    m.put(key + "attention.value_length", headDim);
    JsonFields rope = GgufRope.fields(config);
    double part = rope.positiveDecimal(PART, config.positiveDecimal(PART, 1));
    m.put(key + "rope.dimension_count", (int) (headDim * part));
    m.put(key + "rope.freq_base", (float) GgufRope.theta(config));
    m.put(key + "vocab_size", config.positive("vocab_size"));
    part("wholes")
        .forEach(
            (own, field) -> {
              String name = config.has((String) field) ? (String) field : "num_local_experts";
              if (config.has(name) && (name.equals(field) || own.equals("expert_count"))) {
                m.put(key + own, config.positive(name));
              }
            });
    part("decimals")
        .forEach(
            (own, field) -> {
              if (config.has((String) field)) {
                m.put(key + own, (float) config.positiveDecimal((String) field));
              } else if (own.contains("epsilon")) {
                m.put(key + own, 1e-6f);
              }
            });
    scaling(config, rope, key, m);
    return m;
  }

  private void scaling(
      JsonFields config, JsonFields rope, String key, Map<String, Object> metadata) {
    String type = rope.optionalText("rope_type").or(() -> rope.optionalText("type")).orElse("");
    switch (type) {
      case "", "default", "llama3" -> {}
      case "linear" -> {
        metadata.put(key + "rope.scaling.type", type);
        metadata.put(key + "rope.scaling.factor", (float) rope.positiveDecimal("factor"));
      }
      case "yarn" -> {
        for (String field :
            List.of("attention_factor", "mscale", "beta_fast", "beta_slow", "truncate")) {
          if (rope.has(field)) {
            throw rope.wrong(field, "none for a GGUF file");
          }
        }
        metadata.put(key + "rope.scaling.type", type);
        metadata.put(key + "rope.scaling.factor", (float) rope.positiveDecimal("factor"));
        metadata.put(key + "rope.scaling.original_context_length", original(config, rope));
      }
      case "longrope", "su" -> {
        requirePhi(config, type);
        int length = config.positive("max_position_embeddings");
        int original = original(config, rope);
        double factor = (double) length / original;
        double attention =
            factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log((double) original));
        metadata.put(key + "rope.scaling.original_context_length", original);
        metadata.put(
            key + "rope.scaling.attn_factor",
            (float) rope.positiveDecimal("attention_factor", attention));
      }
      default ->
          throw config.wrong(
              "rope_scaling", "none, llama3, linear, yarn or longrope for a GGUF file");
    }
  }

  private void requirePhi(JsonFields config, String type) {
    if (!architecture.name().equals("phi3")) {
      throw config.wrong(
          "rope_scaling",
          "none, llama3, linear or yarn for a GGUF file of this" + " architecture, not " + type);
    }
  }

  private static int original(JsonFields config, JsonFields rope) {
    return rope.positive(
        ORIGINAL, config.positive(ORIGINAL, config.positive("max_position_embeddings")));
  }

  private void requireImplied(JsonFields config) {
    Map<String, Object> own = config.toMap();
    part("implied")
        .forEach(
            (field, value) -> {
              Object found = own.get(field);
              if (found != null && !found.equals(value)) {
                throw config.wrong(
                    field, value + " for a GGUF file; llama.cpp takes it for granted");
              }
            });
    if (table().has("large") && config.has(SCALAR)) {
      boolean large = config.positive(LAYERS) == table().positive("large");
      double expected =
          large ? config.positive("hidden_size") / config.positive(HEADS) : headDim(config);
      if (config.positiveDecimal(SCALAR) != expected) {
        throw config.wrong(SCALAR, expected + " for a GGUF file; llama.cpp takes it for granted");
      }
    }
    if (table().has("pattern")) {
      requireEvery(config, "layer_types", table().positive("pattern"), "full_attention");
    }
    if (table().has("nope")) {
      requireEvery(config, "no_rope_layers", table().positive("nope"), "0");
    }
    if (table().has("local")) {
      JsonFields all = config.has("rope_parameters") ? config.object("rope_parameters") : config;
      JsonFields sliding =
          all.value("sliding_attention") == null ? all : all.object("sliding_attention");
      String field = sliding == all ? "rope_local_base_freq" : "rope_theta";
      double local = table().positive("local");
      if (sliding.positiveDecimal(field, local) != local) {
        throw sliding.wrong(field, local + " for a GGUF file; llama.cpp takes it for granted");
      }
    }
  }

  /** Whether those of a list's values that are one are every so-many-th. */
  private static void requireEvery(JsonFields config, String field, int pattern, String value) {
    JsonNode listed = config.value(field);
    for (int i = 0; listed != null && i < listed.size(); i++) {
      if (listed.get(i).asText().equals(value) != ((i + 1) % pattern == 0)) {
        throw config.wrong(
            field,
            "%s in every %d-th place for a GGUF file; llama.cpp takes it for granted"
                .formatted(value, pattern));
      }
    }
    for (String interval : List.of("sliding_window_pattern", "_sliding_window_pattern")) {
      if (listed == null
          && field.equals("layer_types")
          && config.positive(interval, pattern) != pattern) {
        throw config.wrong(interval, pattern + " for a GGUF file; llama.cpp takes it for granted");
      }
    }
  }
}
