package org.tune4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Writes GGUF files, version 3: aside, tensor by tensor, synced, renamed into place. */
final class GgufWriter {
  private GgufWriter() {}

  /**
   * A tensor to be written.
   *
   * @param shape as Hugging Face has it; GGUF's is the reverse
   * @param bytes gives its elements when they are wanted
   */
  record Tensor(String name, GgufType type, List<Long> shape, StoredTensor.Bytes bytes) {
    long length() {
      return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    }

    /** Up to the next one. */
    long padded() {
      return (length() + GgufFile.ALIGNMENT - 1) / GgufFile.ALIGNMENT * GgufFile.ALIGNMENT;
    }
  }

  /**
   * Writes a file.
   *
   * @param metadata texts, Integer, Float, Boolean, and lists of texts, Integer or Float
   * @throws org.tune4j.EnvironmentException if it cannot be written
   */
  static void write(Path target, Map<String, Object> metadata, List<Tensor> tensors) {
    ByteBuffer header = ByteBuffer.wrap(header(metadata, tensors));
    long total = header.limit() + tensors.stream().mapToLong(Tensor::padded).sum();
    AtomicFile.write(
        target,
        total,
        channel -> {
          AtomicFile.writeFully(channel, header);
          for (Tensor tensor : tensors) {
            tensor.bytes().writeTo(channel);
            pad(channel, tensor.padded() - tensor.length());
          }
        });
  }

  private static void pad(WritableByteChannel channel, long bytes) throws IOException {
    AtomicFile.writeFully(channel, ByteBuffer.allocate((int) bytes));
  }

  private static byte[] header(Map<String, Object> metadata, List<Tensor> tensors) {
    Bytes out = new Bytes();
    out.int32(GgufFile.MAGIC).int32(3).int64(tensors.size()).int64(metadata.size());
    metadata.forEach(
        (key, value) -> {
          out.text(key);
          out.int32(type(value)).value(value);
        });
    long offset = 0;
    for (Tensor tensor : tensors) {
      List<Long> shape = new ArrayList<>(tensor.shape());
      Collections.reverse(shape);
      out.text(tensor.name()).int32(shape.size());
      shape.forEach(out::int64);
      out.int32(tensor.type().id()).int64(offset);
      offset += tensor.padded();
    }
    while (out.size() % GgufFile.ALIGNMENT != 0) {
      out.write(0);
    }
    return out.toByteArray();
  }

  private static int type(Object value) {
    return value instanceof Integer
        ? 4
        : value instanceof Float
            ? 6
            : value instanceof Boolean ? 7 : value instanceof String ? 8 : 9;
  }

  /** Little-endian numbers and texts. */
  private static final class Bytes extends ByteArrayOutputStream {
    private static final int INT32 = 5;

    Bytes int32(int value) {
      writeBytes(buffer(4).putInt(value).array());
      return this;
    }

    Bytes int64(long value) {
      writeBytes(buffer(8).putLong(value).array());
      return this;
    }

    Bytes text(String value) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      int64(bytes.length).writeBytes(bytes);
      return this;
    }

    void value(Object value) {
      if (value instanceof List<?> list) {
        Object first = list.isEmpty() ? "" : list.get(0);
        int32(first instanceof Integer ? INT32 : type(first)).int64(list.size());
        list.forEach(this::value);
      } else if (value instanceof Integer number) {
        int32(number);
      } else if (value instanceof Float number) {
        int32(Float.floatToRawIntBits(number));
      } else if (value instanceof Boolean flag) {
        write(flag ? 1 : 0);
      } else {
        text((String) value);
      }
    }

    private static ByteBuffer buffer(int bytes) {
      return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
