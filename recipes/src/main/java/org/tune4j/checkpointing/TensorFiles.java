package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.Int8Layout;
import org.tune4j.checkpoint.Nf4Layout;
import org.tune4j.checkpoint.QuantisedLayout;
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
   * {@return a tensor over the file's pages, quantised where the file's is; a copy where the file
   * or the backend does not allow that}
   *
   * @param engine that holds it
   * @param file that holds the tensor
   * @param e a tensor there
   * @throws InputException when the file cannot be read, or the type is none that is trained
   */
  public static Tensor map(Engine engine, Path file, Entry e) {
    if (e.layout() instanceof QuantisedLayout layout) {
      return quantised(engine, e, layout, TensorFiles::mapPart);
    }
    return maps(engine, e)
        ? engine.map(file, e.offset(), dtype(file, e), Shape.of(e.dimensions()))
        : read(engine, file, e);
  }

  /** {@link #map}, with parts that are read into memory. */
  static Tensor readQuantised(Engine engine, Path file, Entry e) {
    return e.layout() instanceof QuantisedLayout layout
        ? quantised(engine, e, layout, TensorFiles::readPart)
        : read(engine, file, e);
  }

  /** How a part of a quantised tensor comes from its file. */
  private interface PartReader {
    Tensor of(Engine engine, Weight part, DType dtype, Shape shape);
  }

  private static Tensor quantised(
      Engine engine, Entry e, QuantisedLayout layout, PartReader reader) {
    Shape shape = Shape.of(e.dimensions());
    List<Tensor> parts = new ArrayList<>();
    for (Weight part : layout.parts()) {
      long n = part.entry().length() / part.entry().type().bytes();
      boolean bytes = part.entry().type().bytes() == 1;
      boolean rows = layout.dtype() == DType.INT8 && bytes;
      parts.add(
          reader.of(engine, part, bytes ? DType.UINT8 : DType.FP32, rows ? shape : Shape.of(n)));
    }
    if (layout instanceof Nf4Layout nf4 && nf4.twice()) {
      parts.add(engine.tensor(new float[] {nf4.offset()}, DType.FP32, Shape.of(1)));
    }
    if (layout instanceof Int8Layout) {
      Tensor largest = parts.get(1);
      parts.set(1, largest.div(127));
      largest.close();
    }
    return engine.quantised(layout.dtype(), shape, parts);
  }

  private static Tensor mapPart(Engine engine, Weight part, DType dtype, Shape shape) {
    return maps(engine, part.entry())
        ? engine.map(part.file(), part.entry().offset(), dtype, shape)
        : readPart(engine, part, dtype, shape);
  }

  private static Tensor readPart(Engine engine, Weight part, DType dtype, Shape shape) {
    Entry e = part.entry();
    try (FileChannel in = FileChannel.open(part.file(), StandardOpenOption.READ)) {
      return engine.tensor(fill(in, e, 0, shape.elements(), dtype), dtype, shape);
    } catch (IOException x) {
      throw new InputException("%s cannot be read: %s".formatted(part.file(), x), x);
    }
  }

  private static boolean maps(Engine engine, Entry e) {
    boolean can = engine.backend().capabilities().contains(Capability.MEMORY_MAP);
    return can && e.aligned() && e.length() > 0;
  }

  /**
   * {@return a tensor of its own with the file's values, in the type that a quantised one had}
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
