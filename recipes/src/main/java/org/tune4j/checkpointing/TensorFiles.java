package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Tensors from files, a piece at a time where they are large. */
public final class TensorFiles {
  /** Bytes that are copied at once, so that no tensor needs a buffer of its own size. */
  private static final long PIECE = 32L << 20;

  private TensorFiles() {}

  /**
   * {@return a tensor over the file's pages; a copy where the file or the backend does not allow
   * that}
   *
   * @param engine that holds it
   * @param file that holds the tensor
   * @param e a tensor there
   * @throws InputException when the file cannot be read, or the type is none that is trained
   */
  public static Tensor map(Engine engine, Path file, Entry e) {
    return maps(engine, e)
        ? engine.map(file, e.offset(), dtype(file, e), Shape.of(e.dimensions()))
        : read(engine, file, e);
  }

  private static boolean maps(Engine engine, Entry e) {
    boolean can = engine.backend().capabilities().contains(Capability.MEMORY_MAP);
    return can && e.aligned() && e.length() > 0;
  }

  /**
   * {@return a tensor of its own with the file's values}
   *
   * @param engine that holds it
   * @param file that holds the tensor
   * @param e a tensor there
   * @throws InputException when the file cannot be read, or the type is none that is trained
   */
  public static Tensor read(Engine engine, Path file, Entry e) {
    Tensor target = engine.zeros(dtype(file, e), Shape.of(e.dimensions()));
    if (maps(engine, e)) {
      // No buffers that stay until the next collection.
      try (TensorScope scope = engine.openScope()) {
        target.copyFrom(map(engine, file, e));
      }
    } else {
      readInto(target, file, e);
    }
    return target;
  }

  /**
   * Overwrites a tensor with the file's values, cast to its type.
   *
   * @param target of the tensor's shape
   * @param file that holds the tensor
   * @param e a tensor there
   * @throws InputException when the file's shape is another
   */
  public static void readInto(Tensor target, Path file, Entry e) {
    if (!target.shape().equals(Shape.of(e.dimensions()))) {
      throw new InputException(
          "%s: tensor %s is %s, expected %s".formatted(file, e.name(), e.shape(), target.shape()));
    }
    if (e.length() == 0) {
      return;
    }
    Engine engine = target.engine();
    boolean bytesAlone = target.dtype() == DType.UINT8 && e.type() == SafetensorsType.U8;
    DType dtype = bytesAlone ? DType.UINT8 : dtype(file, e);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ);
        TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor flat = target.reshape(-1);
      long n = flat.size(0);
      long step = PIECE / dtype.bytes();
      for (long at = 0; at < n; at += step) {
        long length = Math.min(step, n - at);
        try (TensorScope piece = engine.openScope()) {
          ByteBuffer bytes = fill(in, e, at * dtype.bytes(), length, dtype);
          flat.narrow(0, at, length).copyFrom(engine.tensor(bytes, dtype, Shape.of(length)));
        }
      }
    } catch (IOException x) {
      throw new InputException("%s cannot be read: %s".formatted(file, x), x);
    }
  }

  private static ByteBuffer fill(FileChannel in, Entry e, long from, long elements, DType dtype)
      throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.toIntExact(elements * dtype.bytes()))
            .order(ByteOrder.LITTLE_ENDIAN);
    e.layout().read(in, e, from, bytes);
    return bytes.flip();
  }

  /** A tensor in this type: itself where it has it already. */
  static Tensor narrow(Tensor t, DType dtype) {
    return t.dtype() == dtype ? t : t.cast(dtype);
  }

  static DType dtype(Path file, Entry e) {
    return switch (e.type()) {
      case F64 -> DType.FP64;
      case F32 -> DType.FP32;
      case F16 -> DType.FP16;
      case BF16 -> DType.BF16;
      default ->
          throw new InputException(
              "%s: tensor %s is %s, expected F32, F16 or BF16; convert the checkpoint"
                  .formatted(file, e.name(), e.type()));
    };
  }

  /**
   * {@return the type of most of the weights' bytes}
   *
   * @param folder of the weights
   */
  public static DType mostly(HuggingFaceFolder folder) {
    Map<DType, Long> bytes = new HashMap<>();
    folder
        .weights()
        .values()
        .forEach(w -> bytes.merge(dtype(w.file(), w.entry()), w.entry().length(), Long::sum));
    return bytes.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(DType.BF16);
  }
}
