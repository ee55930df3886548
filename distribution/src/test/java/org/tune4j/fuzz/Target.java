package org.tune4j.fuzz;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.GgufModel;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.Manifest;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.cli.Tune;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.data.AlpacaDataset;
import org.tune4j.data.DataCache;
import org.tune4j.data.FileOptions;
import org.tune4j.data.OnBadRow;
import org.tune4j.metrics.MetricsFile;
import org.tune4j.runs.RunCheckpoints;
import org.tune4j.tensor.DType;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.wiring.Wiring;

/** A kind of file: sound examples, and what reads it. */
enum Target {
  SAFETENSORS("") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("x.safetensors"), input);
      SafetensorsFile.open(file).entries();
    }
  },
  TORCH("torch-*.bin") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      config(folder);
      Files.write(folder.resolve("pytorch_model.bin"), input);
      weights(HuggingFaceFolder.open(folder));
    }
  },
  META("meta-*.pth") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      config(folder);
      Files.write(folder.resolve("consolidated.00.pth"), input);
      weights(HuggingFaceFolder.open(folder));
    }
  },
  GGUF("gguf-*.gguf") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("x.gguf"), input);
      Path made = GgufModel.folder(file, folder.resolve("made"));
      weights(HuggingFaceFolder.open(made));
      use(new TokenizerSpec(made, null), made);
    }
  },
  TOKENIZER("tokenizer-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Files.write(folder.resolve("tokenizer.json"), input);
      Files.writeString(folder.resolve("chat_template.jinja"), "{{ messages[0]['content'] }}");
      use(new TokenizerSpec(folder, null), folder);
    }
  },
  SENTENCEPIECE("sentencepiece-*.model") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("tokenizer.model"), input);
      use(TokenizerSpec.llama2(file, null, null), folder);
    }
  },
  TIKTOKEN("tiktoken-*.model") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("tokenizer.model"), input);
      use(TokenizerSpec.llama3(file, null, null), folder);
    }
  },
  CHAT_TEMPLATE("template-*.jinja") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Files.copy(
          Path.of("../docs/tiny/tokenizer.json"),
          folder.resolve("tokenizer.json"),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      Files.write(folder.resolve("chat_template.jinja"), input);
      tokenize(folder);
    }
  },
  TOKENIZER_CONFIG("tokenizer_config-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Files.copy(
          Path.of("../docs/tiny/tokenizer.json"),
          folder.resolve("tokenizer.json"),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      Files.write(folder.resolve("tokenizer_config.json"), input);
      tokenize(folder);
    }
  },
  YAML("") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("config.yaml"), input);
      StringBuilder said = new StringBuilder();
      PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
      PrintStream err =
          new PrintStream(OutputStream.nullOutputStream()) {
            @Override
            public void println(String line) {
              said.append(line).append('\n');
            }

            @Override
            public PrintStream printf(String format, Object... values) {
              said.append(format.formatted(values));
              return this;
            }
          };
      int code =
          Tune.execute(
              Wiring.installed(nowhere), new String[] {"validate", file.toString()}, nowhere, err);
      if (code == 2) {
        throw new UsageException("refused");
      }
      if (code != 0) {
        throw new IllegalStateException("exit code " + code + ": " + said);
      }
    }
  },
  JSON_ROWS("rows-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      rows(Files.write(folder.resolve("rows.json"), input), "json");
    }
  },
  JSON_LINES("rows-*.jsonl") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      rows(Files.write(folder.resolve("rows.jsonl"), input), "json");
    }
  },
  CSV("rows-*.csv") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      rows(Files.write(folder.resolve("rows.csv"), input), "csv");
    }
  },
  PARQUET("rows-*.parquet") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      rows(Files.write(folder.resolve("rows.parquet"), input), "parquet");
    }
  },
  STATE("state-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path step = Files.createDirectories(folder.resolve("checkpoints/step_2"));
      Files.write(step.resolve("optimizer.safetensors"), new byte[8]);
      Files.write(step.resolve("state.json"), input);
      Manifest.write(step);
      RunCheckpoints.newest(folder, warning -> {});
    }
  },
  MANIFEST("manifest-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path step = Files.createDirectories(folder.resolve("checkpoints/step_2"));
      Files.write(step.resolve("optimizer.safetensors"), new byte[8]);
      Files.write(step.resolve("state.json"), "{\"version\":2}\n".getBytes(StandardCharsets.UTF_8));
      Files.write(step.resolve("manifest.json"), input);
      RunCheckpoints.newest(
          folder,
          warning -> {
            throw new InputException(warning);
          });
    }
  },
  METRICS("metrics-*.jsonl") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path file = Files.write(folder.resolve("metrics.jsonl"), input);
      MetricsFile.open(folder, 2, DType.FP32).close();
      byte[] kept = Files.readAllBytes(file);
      if (!Arrays.equals(kept, Arrays.copyOf(input, kept.length))) {
        throw new IllegalStateException("what is kept is not the file's beginning");
      }
      if (kept.length < SOUND_LINES) {
        throw new InputException("refused");
      }
    }
  },
  ADAPTER_CONFIG("adapter_config-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Files.write(folder.resolve("adapter_model.safetensors"), SAFETENSORS.seeds().get(0));
      Files.write(folder.resolve("adapter_config.json"), input);
      PeftAdapter.open(folder);
    }
  },
  MODEL_CONFIG("model_config-*.json") {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Files.write(folder.resolve("model.safetensors"), SAFETENSORS.seeds().get(0));
      Files.write(folder.resolve("config.json"), input);
      HuggingFaceFolder.open(folder).config();
    }
  };

  /** Fewer bytes than two lines of metrics have. */
  private static final int SOUND_LINES = 200;

  private final String pattern;

  Target(String pattern) {
    this.pattern = pattern;
  }

  /** Reads the input from a folder of its own. */
  abstract void read(Path folder, byte[] input) throws IOException;

  /** The sound examples. */
  List<byte[]> seeds() throws IOException {
    Path folder = Path.of("src/test/resources/fuzz");
    if (this == SAFETENSORS) {
      return List.of(safetensors());
    }
    if (this == YAML) {
      return List.of(
          ShippedConfigs.text("llama/lora_single_device").getBytes(StandardCharsets.UTF_8));
    }
    List<byte[]> seeds = new ArrayList<>();
    String glob = pattern.substring("".length());
    int star = glob.indexOf('*');
    try (Stream<Path> paths = Files.list(folder)) {
      for (Path p : paths.sorted().toList()) {
        String name = p.getFileName().toString();
        if (name.startsWith(pattern.substring(0, star))
            && name.endsWith(pattern.substring(star + 1))) {
          seeds.add(Files.readAllBytes(p));
        }
      }
    }
    if (seeds.isEmpty()) {
      throw new IllegalStateException(folder + " has no " + pattern);
    }
    return seeds;
  }

  private static void config(Path folder) throws IOException {
    Files.writeString(
        folder.resolve("config.json"),
        "{\"model_type\":\"llama\",\"num_attention_heads\":4,\"num_key_value_heads\":2}");
  }

  /** Reads every weight once. */
  private static void weights(HuggingFaceFolder model) throws IOException {
    for (HuggingFaceFolder.Weight w : model.weights().values()) {
      try (FileChannel in = FileChannel.open(w.file())) {
        w.entry().layout().read(in, w.entry(), 0, ByteBuffer.allocate((int) w.entry().length()));
      }
    }
  }

  private static byte[] safetensors() {
    byte[] header =
        "{\"__metadata__\":{\"format\":\"pt\"},\"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[8,1],\"data_offsets\":[0,32]},\"base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[1,8],\"data_offsets\":[32,64]}}"
            .getBytes(StandardCharsets.UTF_8);
    return java.nio.ByteBuffer.allocate(8 + header.length + 64)
        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .array();
  }

  private static void use(TokenizerSpec spec, Path folder) {
    try (Tokenizer t = spec.open(folder)) {
      int[] ids = t.encode("Hello there, <s>caf\u00e9 \ud83d\ude00 12  \n</s>");
      t.decode(ids);
      t.tokenize(List.of(new Message("user", "hello ab", false)));
    }
  }

  private static void tokenize(Path folder) {
    try (Tokenizer t = new TokenizerSpec(folder, null).open(folder)) {
      t.tokenize(List.of(new Message("user", "hello", true), new Message("assistant", "b", false)));
    }
  }

  private static void rows(Path file, String format) {
    FileOptions files = new FileOptions(List.of(file), false, null, "train", OnBadRow.STOP);
    try (Tokenizer t =
        new TokenizerSpec(Path.of("../docs/tiny"), null).open(Path.of("../docs/tiny"))) {
      AlpacaDataset.alpaca(format, null, true, files)
          .open(t, 64, new DataCache(file.resolveSibling("cache")));
    }
  }
}
