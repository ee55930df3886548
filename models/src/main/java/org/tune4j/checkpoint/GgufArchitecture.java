package org.tune4j.checkpoint;

import java.nio.ByteBuffer;
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
 * What llama.cpp calls the parts of a family that Hugging Face calls otherwise, as {@code
 * gguf.json} has it. Source: {@code convert_hf_to_gguf.py} of llama.cpp, and {@code
 * tensor_mapping.py} and {@code constants.py} of its {@code gguf} package.
 *
 * @param name in {@code general.architecture}
 * @param table in {@code gguf.json}
 * @param inLayer Hugging Face's module of a layer by llama.cpp's name; a star stands for the number
 *     of an expert, all of which are one tensor there
 */
record GgufArchitecture(String name, JsonFields table, Map<String, String> inLayer) {
  /** Tensors that are no weights: divisors of the rotation's frequencies. */
  static final String ROPE_FACTORS = "rope_freqs.weight";

  static final String LONG_FACTORS = "rope_factors_long.weight";
  static final String SHORT_FACTORS = "rope_factors_short.weight";

  private static final Set<String> FACTORS = Set.of(ROPE_FACTORS, LONG_FACTORS, SHORT_FACTORS);
  private static final JsonFields ALL = JsonFields.resource(GgufArchitecture.class, "gguf.json");
  private static final Map<String, String> TOP =
      Map.of(
          "token_embd", "model.embed_tokens",
          "output_norm", "model.norm",
          "output", "lm_head");
  private static final Pattern NAME =
      Pattern.compile("(?:blk\\.(\\d+)\\.)?([a-z_]+)\\.(weight|bias)");
  private static final Pattern HUGGING_FACE =
      Pattern.compile("(?:model\\.layers\\.(\\d+)\\.)?([a-z_.0-9]+)\\.(weight|bias)");
  private static final Pattern EXPERT = Pattern.compile("\\.experts\\.(\\d+)\\.");
  private static final String ANY_EXPERT = ".experts.*.";

  private static GgufArchitecture named(String name) {
    JsonFields table = ALL.object(name);
    Map<String, String> modules = new LinkedHashMap<>();
    table.object("modules").toMap().forEach((own, module) -> modules.put(own, (String) module));
    return new GgufArchitecture(name, table, modules);
  }

  /** Of a file. */
  static GgufArchitecture of(GgufMetadata metadata) {
    String name = metadata.text("general.architecture");
    if (!ALL.has(name)) {
      throw metadata.wrong("general.architecture", "one of " + sorted(ALL.toMap().keySet()));
    }
    return named(name);
  }

  /** Of a Hugging Face model. Mistral is a Llama to llama.cpp. */
  static GgufArchitecture of(JsonFields config) {
    String type = config.text("model_type");
    Map<String, String> byType = new TreeMap<>();
    for (String name : ALL.toMap().keySet()) {
      types(named(name)).forEach(t -> byType.put(t, name));
    }
    String name = byType.get(type);
    if (name == null) {
      throw config.wrong("model_type", "one of " + byType.keySet() + " for a GGUF file");
    }
    return named(name);
  }

  private static List<String> sorted(Set<String> names) {
    return names.stream().sorted().toList();
  }

  private static List<String> types(GgufArchitecture architecture) {
    return List.of(architecture.table.text("types").split(" "));
  }

  /** The first is Hugging Face's name of it. */
  String modelType() {
    return types(this).get(0);
  }

  /** Whether the rows of q and k are in Meta's order. */
  boolean turns() {
    return table.flag("turned", false);
  }

  /** Whether a weight is stored plus one. */
  boolean shifts(String weight) {
    return table.flag("shifted", false) && weight.endsWith("norm.weight");
  }

  /** By Hugging Face's names, the rows of q and k in its order. */
  Map<String, Entry> weights(Path file, Map<String, Entry> entries, JsonFields config) {
    Map<String, Entry> weights = new LinkedHashMap<>();
    for (Entry e : entries.values()) {
      if (FACTORS.contains(e.name())) {
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
      if (module.contains(ANY_EXPERT)) {
        experts(file, named, weights);
      } else if (shifts(named.name())) {
        weights.put(named.name(), shifted(file, named));
      } else {
        weights.put(
            named.name(), RowLayout.turned(file, named, turns() ? heads(named.name(), config) : 0));
      }
    }
    return weights;
  }

  /** Each expert's part of a tensor of all. */
  private static void experts(Path file, Entry all, Map<String, Entry> into) {
    if (all.shape().size() != 3 || all.length() == 0) {
      throw new InputException(
          "%s: %s has the shape %s, expected [experts, rows, columns]"
              .formatted(file, all.name(), all.shape()));
    }
    long count = all.shape().get(0);
    long length = all.length() / count;
    long elements = length / all.type().bytes();
    long stored = all.layout() instanceof RowLayout r ? r.coding().bytes(elements) : length;
    for (long i = 0; i < count; i++) {
      String name = all.name().replace(ANY_EXPERT, ".experts." + i + ".");
      into.put(
          name,
          new Entry(
              name,
              all.type(),
              all.shape().subList(1, 3),
              all.offset() + i * stored,
              length,
              all.layout()));
    }
  }

  private static Entry shifted(Path file, Entry e) {
    if (e.type() != SafetensorsType.F32 || !e.aligned()) {
      throw new InputException(
          "%s: %s is %s, expected F32".formatted(file, Texts.quoted(e.name()), e.type()));
    }
    RowLayout.Coding less =
        new RowLayout.Coding() {
          @Override
          public long bytes(long elements) {
            return elements * Float.BYTES;
          }

          @Override
          public void decode(ByteBuffer stored, ByteBuffer elements) {
            while (stored.hasRemaining()) {
              elements.putFloat(stored.getFloat() - 1);
            }
          }
        };
    return e.in(new RowLayout(less, 0));
  }

  /** How many heads a weight's rows are divided among where they are turned; 0 for none. */
  static int heads(String weight, JsonFields config) {
    int heads = config.positive("num_attention_heads", 32);
    return weight.contains("self_attn.q_proj.")
        ? heads
        : weight.contains("self_attn.k_proj.") ? config.positive("num_key_value_heads", heads) : 0;
  }

  /** llama.cpp's name of a weight; that of all experts for the weight of one. */
  String nameOf(String weight) {
    Matcher m = HUGGING_FACE.matcher(weight);
    if (m.matches()) {
      String module = EXPERT.matcher(m.group(2)).replaceFirst(ANY_EXPERT);
      Map<String, String> names = m.group(1) == null ? TOP : inLayer;
      for (Map.Entry<String, String> e : names.entrySet()) {
        if (e.getValue().equals(module)) {
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
}
