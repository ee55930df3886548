package org.tune4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** The golden checkpoints as models, and their padded batches as packed rows. */
public final class TinyModels {
  public static final LoraConfig QV_R8 =
      new LoraConfig(TargetModules.of(List.of("q_proj", "v_proj")), 8, 16);
  public static final LoraConfig ALL_R4 =
      new LoraConfig(
          TargetModules.of(
              List.of(
                  "q_proj",
                  "k_proj",
                  "v_proj",
                  "o_proj",
                  "gate_proj",
                  "up_proj",
                  "down_proj",
                  "lm_head")),
          4,
          16);

  private TinyModels() {}

  public static ModelConfig config(String family) {
    Path folder = Path.of("../models/src/test/resources/golden/tiny/families/" + family);
    return ModelRegistry.installed().read(HuggingFaceFolder.config(folder).json());
  }

  /** A family's model with adapters, without storage. */
  public static Decoder adapted(String family, AdapterConfig adapter, DType dtype) {
    return ModelSpec.adapted(family, config(family), adapter).build(dtype);
  }

  public static JsonNode json(String path) {
    try (InputStream in = TinyModels.class.getResourceAsStream("/golden/tiny/" + path)) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Decoder family(Engine engine, String family) {
    Decoder model = config(family).build(DType.FP32);
    Map<String, Tensor> base =
        new GoldenFile("families/" + family + "/model.safetensors").tensors(engine);
    StateDict.load(model, base, true);
    return model;
  }

  /** One of {@code golden/tiny5}. */
  public static Decoder newer(Engine engine, String checkpoint, DType dtype) {
    Path folder = Path.of("../models/src/test/resources/golden/tiny5/" + checkpoint);
    Decoder model =
        ModelRegistry.installed().read(HuggingFaceFolder.config(folder).json()).build(dtype);
    Map<String, Tensor> weights =
        new GoldenFile("tiny5", checkpoint + "/model.safetensors").tensors(engine);
    weights.replaceAll((name, t) -> t.cast(dtype));
    StateDict.load(model, weights, true);
    return model;
  }

  /** The llama2 checkpoint with a variant's adapter. */
  public static Decoder lora(Engine engine, String variant) {
    Decoder model = adapted("llama2", variant.equals("qv_r8") ? QV_R8 : ALL_R4, DType.FP32);
    Map<String, Tensor> all = new GoldenFile("families/llama2/model.safetensors").tensors(engine);
    all.putAll(
        new GoldenFile("lora/" + variant + "/initial/adapter_model.safetensors").tensors(engine));
    StateDict.load(model, all, true);
    return model;
  }

  /** A padded batch {@code [rows, width]} without its padding. */
  public static PackedRows pack(Map<String, Tensor> batch) {
    return new PackedRows(unpad(batch, "input_ids"), ends(batch));
  }

  public static int[] unpad(Map<String, Tensor> batch, String name) {
    Tensor t = batch.get(name);
    int width = (int) t.size(1);
    long[] values = t.toLongs();
    long[] lengths = batch.get("lengths").toLongs();
    List<Long> out = new ArrayList<>();
    for (int row = 0; row < lengths.length; row++) {
      for (int i = 0; i < lengths[row]; i++) {
        out.add(values[row * width + i]);
      }
    }
    return out.stream().mapToInt(Long::intValue).toArray();
  }

  private static int[] ends(Map<String, Tensor> batch) {
    long[] lengths = batch.get("lengths").toLongs();
    int[] ends = new int[lengths.length];
    int end = 0;
    for (int i = 0; i < ends.length; i++) {
      end += (int) lengths[i];
      ends[i] = end;
    }
    return ends;
  }

  /** The values of a padded {@code [rows, width, n]} where there is no padding. */
  public static float[] unpadValues(Map<String, Tensor> batch, String name) {
    Tensor t = batch.get(name);
    List<Tensor> rows = new ArrayList<>();
    long[] lengths = batch.get("lengths").toLongs();
    for (int row = 0; row < lengths.length; row++) {
      rows.add(t.narrow(0, row, 1).narrow(1, 0, lengths[row]).reshape(lengths[row], t.size(2)));
    }
    return Tensor.cat(rows, 0).toFloats();
  }
}
