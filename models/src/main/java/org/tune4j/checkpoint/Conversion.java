package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** Writes a model that is stored in another way as a Hugging Face folder, a piece at a time. */
public final class Conversion {
  private static final Map<String, SafetensorsType> TYPES =
      Map.of(
          "f32", SafetensorsType.F32,
          "f16", SafetensorsType.F16,
          "bf16", SafetensorsType.BF16);

  private Conversion() {}

  /**
   * Writes weights, config and tokenizer files. The folder appears whole or not at all.
   *
   * @param model to be written
   * @param type f32, f16 or bf16; null for that of most of the weights' bytes
   * @param output a folder; what is there is replaced
   * @param size of the weights' files
   * @throws UsageException if the type is none of these
   * @throws org.tune4j.InputException if a file cannot be read
   * @throws org.tune4j.EnvironmentException if the folder cannot be written
   */
  public static void folder(
      HuggingFaceFolder model, @Nullable String type, Path output, ShardSize size) {
    SafetensorsType wanted =
        type == null ? mostly(model) : TYPES.get(type.toLowerCase(Locale.ROOT));
    if (wanted == null) {
      throw new UsageException(
          "--type is %s, expected f32, f16 or bf16 for a folder".formatted(type));
    }
    List<StoredTensor> tensors = new ArrayList<>();
    new TreeMap<>(model.weights())
        .values()
        .forEach(
            w ->
                tensors.add(
                    new StoredTensor(
                        w.entry().name(),
                        wanted,
                        w.entry().shape(),
                        channel -> write(w, wanted, channel))));
    model.others().forEach(w -> tensors.add(w.stored()));
    String name =
        switch (wanted) {
          case F16 -> "float16";
          case F32 -> "float32";
          default -> "bfloat16";
        };
    HuggingFaceConfig config = model.config();
    AtomicFolder.write(
        output,
        folder -> {
          ShardPlan.of(tensors, size).write(folder);
          model.copySideFiles(folder);
          config.write(
              folder.resolve(HuggingFaceFolder.CONFIG),
              Map.of(config.json().mentions("dtype") ? "dtype" : "torch_dtype", name));
        });
  }

  private static SafetensorsType mostly(HuggingFaceFolder model) {
    Map<SafetensorsType, Long> bytes = new TreeMap<>();
    model
        .weights()
        .values()
        .forEach(w -> bytes.merge(w.entry().type(), w.entry().length(), Long::sum));
    return bytes.entrySet().stream()
        .filter(e -> TYPES.containsValue(e.getKey()))
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(SafetensorsType.BF16);
  }

  private static void write(Weight w, SafetensorsType type, WritableByteChannel out)
      throws IOException {
    Entry e = w.entry();
    if (e.type() != type) {
      GgufType like =
          type == SafetensorsType.F32
              ? GgufType.F32
              : type == SafetensorsType.F16 ? GgufType.F16 : GgufType.BF16;
      new WeightRows(w.file(), e).write(like, out);
    } else {
      w.copy(out);
    }
  }
}
