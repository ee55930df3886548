package org.tune4j.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** Writes models and LoRA adapters as GGUF files for llama.cpp, a row at a time. */
public final class GgufExport {
  private static final Pattern EXPERT = Pattern.compile("\\.experts\\.(\\d+)\\.");
  private static final Pattern FACTOR = Pattern.compile("(.+)\\.lora_([AB])\\.weight");

  /** {@code general.file_type} of llama.cpp. */
  private static final Map<GgufType, Integer> FILE_TYPES =
      Map.of(
          GgufType.F32, 0,
          GgufType.F16, 1,
          GgufType.Q4_0, 2,
          GgufType.Q8_0, 7,
          GgufType.Q4_K, 14,
          GgufType.BF16, 32);

  private GgufExport() {}

  /**
   * Writes a model. Norms and biases stay fp32; the embedding and the head are at least Q8_0. A
   * weight whose rows are no multiple of the type's blocks becomes Q8_0, or F16.
   *
   * @param model of an architecture that {@code gguf.json} has
   * @param type f32, f16, bf16, q8_0, q4_0 or q4_k
   * @param target the file
   * @throws UsageException if the type is none of these
   * @throws InputException if the model or its tokenizer cannot be written as GGUF
   * @throws org.tune4j.EnvironmentException if the file cannot be written
   */
  public static void model(HuggingFaceFolder model, String type, Path target) {
    GgufType wanted = type(type);
    JsonFields config = model.config().json();
    GgufArchitecture architecture = GgufArchitecture.of(config);
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", architecture.name());
    metadata.put("general.type", "model");
    metadata.put(
        "general.name", String.valueOf(model.path().toAbsolutePath().normalize().getFileName()));
    metadata.put("general.file_type", Objects.requireNonNull(FILE_TYPES.get(wanted)));
    metadata.put("general.quantization_version", 2);
    metadata.putAll(new GgufSizes(architecture).metadata(config));
    Weight embedding = model.weights().get("model.embed_tokens.weight");
    if (embedding == null) {
      throw new InputException("the model %s has no embedding".formatted(model.path()));
    }
    int vocabulary = Math.toIntExact(embedding.entry().shape().get(0));
    metadata.putAll(GgufVocabulary.metadata(model.path(), vocabulary));
    List<GgufWriter.Tensor> tensors = new ArrayList<>(factors(config));
    Map<String, List<WeightRows>> named = new LinkedHashMap<>();
    model
        .weights()
        .forEach(
            (name, w) ->
                named
                    .computeIfAbsent(architecture.nameOf(name), n -> new ArrayList<>())
                    .add(
                        new WeightRows(
                            w.file(),
                            w.entry(),
                            order(architecture, name, config),
                            1,
                            architecture.shifts(name) ? 1 : 0)));
    named.forEach((name, parts) -> tensors.add(tensor(wanted, name, parts)));
    GgufWriter.write(target, metadata, tensors);
  }

  /**
   * Writes a LoRA adapter.
   *
   * @param adapter of the linears of Llama's blocks
   * @param config of the base model
   * @param scales what multiplies B times A of a module, by the module's name
   * @param type f32 or f16
   * @param target the file
   * @throws UsageException if the type is none of these
   * @throws InputException if the adapter holds something else than LoRA's factors
   * @throws org.tune4j.EnvironmentException if the file cannot be written
   */
  public static void adapter(
      PeftAdapter adapter,
      JsonFields config,
      ToDoubleFunction<String> scales,
      String type,
      Path target) {
    GgufType wanted = type(type);
    if (wanted != GgufType.F32 && wanted != GgufType.F16) {
      throw new UsageException("--type is %s, expected f32 or f16 for an adapter".formatted(type));
    }
    GgufArchitecture architecture = GgufArchitecture.of(config);
    List<GgufWriter.Tensor> tensors = new ArrayList<>();
    for (Entry e : adapter.tensors().values()) {
      Matcher m = FACTOR.matcher(e.name());
      if (!m.matches() || !m.group(1).startsWith(PeftAdapter.PREFIX) || e.shape().size() != 2) {
        throw new InputException(
            "the adapter %s holds %s, which has no place in a LoRA GGUF file; merge it instead"
                .formatted(adapter.path(), Texts.quoted(e.name())));
      }
      String module = m.group(1).substring(PeftAdapter.PREFIX.length());
      boolean b = m.group(2).equals("B");
      String weight = module + ".weight";
      // llama.cpp scales by alpha over the rank; alpha is 1 for all.
      float factor = b ? (float) (scales.applyAsDouble(module) * e.shape().get(1)) : 1;
      tensors.add(
          tensor(
              architecture.nameOf(weight) + (b ? ".lora_b" : ".lora_a"),
              wanted,
              new WeightRows(
                  adapter.file(),
                  e,
                  b ? order(architecture, weight, config) : WeightRows.Order.STORED,
                  factor,
                  0)));
    }
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", architecture.name());
    metadata.put("general.type", "adapter");
    metadata.put("general.file_type", Objects.requireNonNull(FILE_TYPES.get(wanted)));
    metadata.put("adapter.type", "lora");
    metadata.put("adapter.lora.alpha", 1f);
    GgufWriter.write(target, metadata, tensors);
  }

  private static GgufType type(String name) {
    return Arrays.stream(GgufType.values())
        .filter(GgufQuantiser::writes)
        .filter(t -> t.name().equals(name.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--type is %s, expected f32, f16, bf16, q8_0, q4_0 or q4_k".formatted(name)));
  }

  private static GgufType stored(GgufType wanted, String name, List<Long> shape) {
    if (shape.size() < 2) {
      return GgufType.F32;
    }
    if (name.endsWith("ffn_gate_inp.weight")) {
      return GgufType.F32;
    }
    boolean table = name.equals("token_embd.weight") || name.equals("output.weight");
    long width = shape.get(shape.size() - 1);
    for (GgufType type : List.of(wanted, GgufType.Q8_0)) {
      boolean coarse = type.isQuantised() && type != GgufType.Q8_0;
      if (width % type.blockElements() == 0 && !(table && coarse)) {
        return type;
      }
    }
    return GgufType.F16;
  }

  /** A weight, or those of all experts, the first of which comes first. */
  private static GgufWriter.Tensor tensor(GgufType wanted, String name, List<WeightRows> parts) {
    WeightRows first = parts.get(0);
    GgufType type = stored(wanted, name, first.entry().shape());
    if (!name.contains("_exps.")) {
      return tensor(name, type, first);
    }
    parts.sort(Comparator.comparingInt(GgufExport::expert));
    List<Long> shape = new ArrayList<>(first.entry().shape());
    shape.add(0, (long) parts.size());
    return new GgufWriter.Tensor(
        name,
        type,
        shape,
        channel -> {
          for (WeightRows part : parts) {
            part.write(type, channel);
          }
        });
  }

  private static int expert(WeightRows rows) {
    Matcher m = EXPERT.matcher(rows.entry().name());
    return m.find() ? Integer.parseInt(m.group(1)) : 0;
  }

  private static GgufWriter.Tensor tensor(String name, GgufType type, WeightRows rows) {
    return new GgufWriter.Tensor(
        name, type, rows.entry().shape(), channel -> rows.write(type, channel));
  }

  /** llama.cpp has q and k in Meta's order. */
  private static WeightRows.Order order(
      GgufArchitecture architecture, String weight, JsonFields config) {
    int heads = architecture.turns() ? GgufArchitecture.heads(weight, config) : 0;
    return heads == 0
        ? WeightRows.Order.STORED
        : (place, rows) -> {
          long head = rows / heads;
          long within = place % head;
          return place - within + within % 2 * (head / 2) + within / 2;
        };
  }

  private static List<GgufWriter.Tensor> factors(JsonFields config) {
    List<GgufWriter.Tensor> tensors = new ArrayList<>();
    GgufRope.factors(config, GgufSizes.headDim(config))
        .ifPresent(f -> tensors.add(factors(GgufArchitecture.ROPE_FACTORS, f)));
    GgufRope.factors(config, "long_factor")
        .ifPresent(f -> tensors.add(factors(GgufArchitecture.LONG_FACTORS, f)));
    GgufRope.factors(config, "short_factor")
        .ifPresent(f -> tensors.add(factors(GgufArchitecture.SHORT_FACTORS, f)));
    return tensors;
  }

  private static GgufWriter.Tensor factors(String name, float[] factors) {
    return new GgufWriter.Tensor(
        name,
        GgufType.F32,
        List.of((long) factors.length),
        channel -> {
          ByteBuffer bytes =
              ByteBuffer.allocate(Float.BYTES * factors.length).order(ByteOrder.LITTLE_ENDIAN);
          Floats.write(factors, SafetensorsType.F32, bytes);
          AtomicFile.writeFully(channel, bytes.flip());
        });
  }
}
