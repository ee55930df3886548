package org.tune4j.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Llama as Meta publishes it: {@code consolidated.00.pth} and {@code params.json}; the larger ones
 * in several files, each of which has a stretch of every matrix. Source: {@code
 * convert_llama_weights_to_hf.py} of transformers.
 */
final class MetaModel {
  private static final String EMBEDDING = "tok_embeddings.weight";

  /** Its sizes. */
  static final String PARAMS = "params.json";

  /** Its weights. */
  static final Pattern FILE = Pattern.compile("consolidated\\.\\d\\d\\.pth");

  /** What is cut between its columns; other matrices are between their rows. */
  private static final Set<String> BY_COLUMNS = Set.of("attention.wo", "feed_forward.w2");

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
    return weights(List.of(file), List.of(entries), config);
  }

  /** The same of a model in several files. */
  private static Map<String, Entry> weights(
      List<Path> files, List<Map<String, Entry>> entries, JsonFields config) {
    int n = files.size();
    Path file = files.get(0);
    int heads = config.positive("num_attention_heads", 32);
    Map<String, Integer> turned =
        Map.of(
            "attention.wq",
            heads / n,
            "attention.wk",
            config.positive("num_key_value_heads", heads) / n);
    Map<String, Entry> weights = new LinkedHashMap<>();
    for (Entry e : entries.get(0).values()) {
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
      List<Weight> parts = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        Entry part = entries.get(i).get(e.name());
        if (part == null) {
          throw new InputException(
              "%s lacks tensor %s of %s; give the files of one model"
                  .formatted(files.get(i), Texts.quoted(e.name()), file));
        }
        parts.add(
            new Weight(
                files.get(i),
                RowLayout.turned(files.get(i), part.named(name), turned.getOrDefault(module, 0))));
      }
      boolean whole = n == 1 || e.shape().size() < 2;
      weights.put(
          name, whole ? parts.get(0).entry() : JoinedLayout.of(parts, cut(e, module, config)));
    }
    return weights;
  }

  /** Llama 3 cuts the embedding between its rows. */
  private static int cut(Entry part, String module, JsonFields config) {
    boolean columns =
        part.name().equals(EMBEDDING)
            ? part.shape().get(1) < config.positive("hidden_size")
            : BY_COLUMNS.contains(module);
    return columns ? 1 : 0;
  }

  /** A model in several files, in their order. */
  static WeightsFile joined(List<Path> files) {
    List<TorchFile> parts = files.stream().map(TorchFile::open).toList();
    TorchFile first = parts.get(0);
    return new WeightsFile() {
      @Override
      public Path path() {
        return first.path();
      }

      @Override
      public Map<String, Entry> entries() {
        return first.entries();
      }

      @Override
      public Map<String, Entry> weights(JsonFields config) {
        return MetaModel.weights(files, parts.stream().map(TorchFile::entries).toList(), config);
      }
    };
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
