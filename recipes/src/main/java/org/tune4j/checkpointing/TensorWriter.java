package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Tensors to one file, a piece after the other through one buffer: the JVM gives a direct buffer's
 * memory back at its next collection only, so that a buffer a tensor would add up to the model. One
 * thread uses it at a time.
 */
public final class TensorWriter {
  private static final int PIECE = 8 << 20;

  private @Nullable ByteBuffer buffer;

  /** A tensor to be written, read when it is written. */
  StoredTensor stored(String name, Tensor t) {
    return stored(name, t, t.dtype());
  }

  /**
   * {@return a tensor to be written in a type, read when it is written}
   *
   * @param name in the file
   * @param t may have another type
   * @param dtype in the file
   */
  public StoredTensor stored(String name, Tensor t, DType dtype) {
    return stored(name, dtype, t.shape(), channel -> write(t, dtype, channel));
  }

  /** One of a parameter's type and shape, made when it is written, in a scope of its own. */
  StoredTensor stored(String name, Parameter like, Engine engine, Supplier<Tensor> values) {
    return stored(name, like.dtype(), like.shape(), engine, values);
  }

  /**
   * {@return one that is made when it is written, in a scope of its own}
   *
   * @param name in the file
   * @param dtype of the elements
   * @param shape of the tensor
   * @param engine that computes it
   * @param values makes it, on the thread that writes
   */
  public StoredTensor stored(
      String name, DType dtype, Shape shape, Engine engine, Supplier<Tensor> values) {
    return stored(
        name,
        dtype,
        shape,
        channel -> {
          try (TensorScope scope = engine.openScope()) {
            write(values.get(), dtype, channel);
          }
        });
  }

  /**
   * {@return one whose elements come from elsewhere}
   *
   * @param name in the file
   * @param dtype of the elements
   * @param shape of the tensor
   * @param bytes writes the elements
   */
  public static StoredTensor stored(
      String name, DType dtype, Shape shape, StoredTensor.Bytes bytes) {
    return new StoredTensor(
        name, type(dtype), Arrays.stream(shape.toArray()).boxed().toList(), bytes);
  }

  /**
   * {@return several by name, read when they are written}
   *
   * @param tensors by name
   */
  public Map<String, StoredTensor> stored(Map<String, Tensor> tensors) {
    Map<String, StoredTensor> all = new LinkedHashMap<>();
    tensors.forEach((name, t) -> all.put(name, stored(name, t)));
    return all;
  }

  private void write(Tensor t, DType dtype, WritableByteChannel channel) throws IOException {
    if (buffer == null) {
      buffer = ByteBuffer.allocateDirect(PIECE);
    }
    Engine engine = t.engine();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor flat = t.contiguous().reshape(-1);
      long n = flat.size(0);
      int width = dtype.bytes();
      long step = PIECE / width;
      for (long at = 0; at < n; at += step) {
        try (TensorScope piece = engine.openScope()) {
          int length = (int) Math.min(step, n - at);
          ByteBuffer bytes = buffer.slice(0, length * width);
          Tensor values = flat.narrow(0, at, length);
          (values.dtype() == dtype ? values : values.cast(dtype)).read(bytes);
          channel.write(bytes.clear());
        }
      }
    }
  }

  static SafetensorsType type(DType dtype) {
    return switch (dtype) {
      case FP64 -> SafetensorsType.F64;
      case FP32 -> SafetensorsType.F32;
      case BF16 -> SafetensorsType.BF16;
      case FP16 -> SafetensorsType.F16;
      case INT64 -> SafetensorsType.I64;
      case UINT8 -> SafetensorsType.U8;
      case NF4, INT8 -> throw new IllegalArgumentException(dtype + " is written in parts");
    };
  }
}
