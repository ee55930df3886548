package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;

/** Weights in quantised types, in files as bitsandbytes writes them. */
public final class QuantisedFiles {
  /** Bytes of a file, which is in memory while it is written. */
  private static final long FILE = 256L << 20;

  private QuantisedFiles() {}

  /** A matrix that is to be quantised. */
  private record Matrix(String name, Weight weight, DType dtype) {
    int rows() {
      return Math.toIntExact(weight.entry().shape().get(0));
    }

    long elements() {
      return weight.entry().length() / weight.entry().type().bytes();
    }
  }

  /**
   * Quantises weights into files, a stretch of them at a time.
   *
   * @param folder exists
   * @param weights matrices by name
   * @param dtype of each name
   * @throws IOException when a file cannot be read or written
   */
  public static void write(Path folder, Map<String, Weight> weights, Map<String, DType> dtype)
      throws IOException {
    List<StoredTensor> parts = new ArrayList<>();
    long bytes = 0;
    int files = 0;
    for (Map.Entry<String, DType> e : dtype.entrySet()) {
      Weight weight = weights.get(e.getKey());
      if (weight == null) {
        throw new IllegalArgumentException(e.getKey());
      }
      List<StoredTensor> own = parts(new Matrix(e.getKey(), weight, e.getValue()));
      parts.addAll(own);
      bytes += own.stream().mapToLong(StoredTensor::length).sum();
      if (bytes >= FILE) {
        SafetensorsWriter.write(folder.resolve("%05d.safetensors".formatted(++files)), parts);
        parts.clear();
        bytes = 0;
      }
    }
    if (!parts.isEmpty()) {
      SafetensorsWriter.write(folder.resolve("%05d.safetensors".formatted(++files)), parts);
    }
  }

  /**
   * {@return the weights of these files by name, each with a {@link QuantisedLayout}}
   *
   * @param folder that was written
   * @throws InputException when a file is broken
   */
  public static Map<String, Weight> open(Path folder) {
    Map<String, Weight> stored = new LinkedHashMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        SafetensorsFile.open(file)
            .entries()
            .forEach((name, entry) -> stored.put(name, new Weight(file, entry)));
      }
    } catch (IOException e) {
      throw new InputException("cannot read " + folder + ": " + TuneException.reason(e), e);
    }
    return BitsAndBytes.weights(
        stored, JsonFields.of(folder.resolve(HuggingFaceFolder.CONFIG), Map.of()));
  }

  private static List<StoredTensor> parts(Matrix matrix) throws IOException {
    try {
      return matrix.dtype == DType.NF4 ? nf4(matrix) : int8(matrix);
    } catch (IOException e) {
      throw new IOException(
          "%s: %s: %s"
              .formatted(matrix.weight.file(), Texts.quoted(matrix.name), TuneException.reason(e)),
          e);
    }
  }

  private static List<StoredTensor> nf4(Matrix matrix) throws IOException {
    Entry e = matrix.weight.entry();
    Nf4Quantiser quantiser = new Nf4Quantiser(matrix.elements());
    new WeightRows(matrix.weight.file(), e).forEach(quantiser::add);
    Nf4Quantiser.Parts parts = quantiser.parts();
    String name = matrix.name;
    byte[] state = state(e, parts.offset());
    return List.of(
        bytes(name, SafetensorsType.U8, List.of((long) parts.codes().length, 1L), parts.codes()),
        bytes(name + BitsAndBytes.CODES, parts.factors()),
        floats(name + BitsAndBytes.NESTED, parts.groups()),
        floats(name + BitsAndBytes.NESTED_MAP, Nf4.factors()),
        floats(name + BitsAndBytes.MAP, Nf4.values()),
        bytes(name + BitsAndBytes.NF4, state));
  }

  private static byte[] state(Entry e, float offset) {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put("quant_type", "nf4");
    state.put("blocksize", Nf4.BLOCK);
    state.put(
        "dtype",
        switch (e.type()) {
          case F16 -> "float16";
          case BF16 -> "bfloat16";
          default -> "float32";
        });
    state.put("shape", e.shape());
    state.put("nested_blocksize", Nf4.GROUP);
    state.put("nested_dtype", "float32");
    state.put("nested_offset", (double) offset);
    return JsonFields.MAPPER.valueToTree(state).toString().getBytes(StandardCharsets.UTF_8);
  }

  private static List<StoredTensor> int8(Matrix matrix) throws IOException {
    Entry e = matrix.weight.entry();
    byte[] codes = new byte[Math.toIntExact(matrix.elements())];
    float[] largest = new float[matrix.rows()];
    int[] at = {0, 0};
    new WeightRows(matrix.weight.file(), e)
        .forEach(
            row -> {
              float most = 0;
              for (float x : row) {
                most = Math.max(most, Math.abs(x));
              }
              if (!Float.isFinite(most)) {
                throw new IOException("it has elements that are not finite");
              }
              largest[at[0]++] = most;
              for (float x : row) {
                codes[at[1]++] = (byte) Math.rint(most == 0 ? 0 : x * (127 / most));
              }
            });
    return List.of(
        bytes(matrix.name, SafetensorsType.I8, e.shape(), codes),
        floats(BitsAndBytes.rows(matrix.name), largest));
  }

  private static StoredTensor bytes(String name, byte[] bytes) {
    return bytes(name, SafetensorsType.U8, List.of((long) bytes.length), bytes);
  }

  private static StoredTensor bytes(
      String name, SafetensorsType type, List<Long> shape, byte[] bytes) {
    return new StoredTensor(
        name, type, shape, out -> AtomicFile.writeFully(out, ByteBuffer.wrap(bytes)));
  }

  private static StoredTensor floats(String name, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return new StoredTensor(
        name,
        SafetensorsType.F32,
        List.of((long) values.length),
        out -> AtomicFile.writeFully(out, bytes.duplicate()));
  }
}
