package org.tune4j.plugins;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;

/** A random checkpoint of docs/sample-model's family, and its logits computed by loops in fp64. */
final class TinyParallel {
  private static final int VOCAB = 320;
  private static final int DIM = 16;
  private static final int WIDE = 48;
  private static final int LAYERS = 2;
  private static final int HEADS = 2;
  private static final int HEAD = DIM / HEADS;
  private static final double EPS = 1e-5;

  private final Random random;
  private final Map<String, float[]> weights = new LinkedHashMap<>();
  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

  TinyParallel(long seed) {
    random = new Random(seed);
    add("transformer.wte.weight", 1, VOCAB, DIM);
    for (int i = 0; i < LAYERS; i++) {
      String block = "transformer.h." + i + ".";
      norm(block + "ln_1");
      for (String name : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
        add(block + "attn." + name + ".weight", 0.3, DIM, DIM);
      }
      add(block + "mlp.fc_in.weight", 0.3, WIDE, DIM);
      add(block + "mlp.fc_in.bias", 0.3, WIDE);
      add(block + "mlp.fc_out.weight", 0.2, DIM, WIDE);
      add(block + "mlp.fc_out.bias", 0.3, DIM);
    }
    norm("transformer.ln_f");
    add("lm_head.weight", 0.2, VOCAB, DIM);
  }

  private void norm(String name) {
    add(name + ".weight", 1, DIM);
    add(name + ".bias", 0.3, DIM);
  }

  private void add(String name, double scale, long... shape) {
    List<Long> sizes = new ArrayList<>();
    int count = 1;
    for (long size : shape) {
      sizes.add(size);
      count *= Math.toIntExact(size);
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    weights.put(name, values);
    shapes.put(name, sizes);
  }

  /** A folder with weights, config and tokenizer. */
  Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    List<StoredTensor> tensors = new ArrayList<>();
    weights.forEach(
        (name, values) -> {
          ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
          bytes.asFloatBuffer().put(values);
          tensors.add(
              new StoredTensor(
                  name,
                  SafetensorsType.F32,
                  shapes.get(name),
                  channel -> {
                    ByteBuffer rest = bytes.duplicate();
                    while (rest.hasRemaining()) {
                      channel.write(rest);
                    }
                  }));
        });
    SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "parallel", "vocab_size": %d, "n_embd": %d, "n_inner": %d, "n_layer": %d,
         "n_head": %d, "n_positions": 256, "layer_norm_epsilon": %s, "torch_dtype": "float32",
         "activation_function": "gelu_new", "bos_token_id": 1, "eos_token_id": 2}
        """
            .formatted(VOCAB, DIM, WIDE, LAYERS, HEADS, EPS));
    for (String file : List.of("tokenizer.json", "chat_template.jinja")) {
      Files.copy(Path.of("../docs/tiny").resolve(file), folder.resolve(file));
    }
    return folder;
  }

  /** {@code [tokens * vocab]}. */
  double[] logits(int... tokens) {
    int n = tokens.length;
    double[][] x = new double[n][DIM];
    for (int t = 0; t < n; t++) {
      for (int i = 0; i < DIM; i++) {
        x[t][i] = weights.get("transformer.wte.weight")[tokens[t] * DIM + i];
      }
    }
    for (int layer = 0; layer < LAYERS; layer++) {
      String block = "transformer.h." + layer + ".";
      double[][] normed = normed(x, block + "ln_1");
      double[][] attended = attention(normed, block + "attn.");
      double[][] wide = linear(normed, block + "mlp.fc_in");
      for (double[] row : wide) {
        for (int i = 0; i < WIDE; i++) {
          double v = row[i];
          double z = Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
          row[i] = 0.5 * v * (1 + Math.tanh(z));
        }
      }
      double[][] changed = linear(wide, block + "mlp.fc_out");
      for (int t = 0; t < n; t++) {
        for (int i = 0; i < DIM; i++) {
          x[t][i] += attended[t][i] + changed[t][i];
        }
      }
    }
    double[] flat = new double[n * VOCAB];
    double[][] logits = linear(normed(x, "transformer.ln_f"), "lm_head");
    for (int t = 0; t < n; t++) {
      System.arraycopy(logits[t], 0, flat, t * VOCAB, VOCAB);
    }
    return flat;
  }

  private double[][] linear(double[][] x, String name) {
    float[] w = weights.get(name + ".weight");
    float[] b = weights.get(name + ".bias");
    int in = x[0].length;
    int out = w.length / in;
    double[][] y = new double[x.length][out];
    for (int t = 0; t < x.length; t++) {
      for (int o = 0; o < out; o++) {
        double sum = b == null ? 0 : b[o];
        for (int i = 0; i < in; i++) {
          sum += x[t][i] * w[o * in + i];
        }
        y[t][o] = sum;
      }
    }
    return y;
  }

  private double[][] normed(double[][] x, String name) {
    float[] w = weights.get(name + ".weight");
    float[] b = weights.get(name + ".bias");
    double[][] y = new double[x.length][DIM];
    for (int t = 0; t < x.length; t++) {
      double mean = 0;
      for (double v : x[t]) {
        mean += v / DIM;
      }
      double variance = 0;
      for (double v : x[t]) {
        variance += (v - mean) * (v - mean) / DIM;
      }
      for (int i = 0; i < DIM; i++) {
        y[t][i] = (x[t][i] - mean) / Math.sqrt(variance + EPS) * w[i] + b[i];
      }
    }
    return y;
  }

  private double[][] attention(double[][] x, String name) {
    double[][] q = rotated(linear(x, name + "q_proj"));
    double[][] k = rotated(linear(x, name + "k_proj"));
    double[][] v = linear(x, name + "v_proj");
    double[][] mixed = new double[x.length][DIM];
    for (int h = 0; h < HEADS; h++) {
      int at = h * HEAD;
      for (int t = 0; t < x.length; t++) {
        double[] weight = new double[t + 1];
        double total = 0;
        for (int s = 0; s <= t; s++) {
          double score = 0;
          for (int i = at; i < at + HEAD; i++) {
            score += q[t][i] * k[s][i];
          }
          weight[s] = Math.exp(score / Math.sqrt((double) HEAD));
          total += weight[s];
        }
        for (int s = 0; s <= t; s++) {
          for (int i = at; i < at + HEAD; i++) {
            mixed[t][i] += weight[s] / total * v[s][i];
          }
        }
      }
    }
    return linear(mixed, name + "o_proj");
  }

  /** Halves of each head, turned by the position. */
  private static double[][] rotated(double[][] x) {
    int half = HEAD / 2;
    double[][] y = new double[x.length][DIM];
    for (int t = 0; t < x.length; t++) {
      for (int h = 0; h < HEADS; h++) {
        for (int i = 0; i < half; i++) {
          double angle = t * Math.pow(10_000, -2.0 * i / HEAD);
          double a = x[t][h * HEAD + i];
          double b = x[t][h * HEAD + half + i];
          y[t][h * HEAD + i] = a * Math.cos(angle) - b * Math.sin(angle);
          y[t][h * HEAD + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
        }
      }
    }
    return y;
  }
}
