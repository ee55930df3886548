package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A weight's rows as fp32, one after the other, so that none is in memory whole.
 *
 * @param file that holds it
 * @param entry its place there
 * @param order which row comes at a place
 * @param factor that every element is multiplied by
 * @param shift that is added to it then
 */
record WeightRows(Path file, Entry entry, Order order, float factor, float shift) {
  /** Which row comes at a place. */
  @FunctionalInterface
  interface Order {
    Order STORED = (place, rows) -> place;

    long row(long place, long rows);
  }

  /** Takes a row, in an array that is used again for the next one. */
  @FunctionalInterface
  interface Sink {
    void accept(float[] row) throws IOException;
  }

  WeightRows(Path file, Entry entry) {
    this(file, entry, Order.STORED, 1, 0);
  }

  /** Elements of a row; a vector is one, unless its elements are put into another order. */
  int width() {
    List<Long> shape = entry.shape();
    boolean single = shape.isEmpty() || (shape.size() == 1 && order != Order.STORED);
    return single ? 1 : Math.toIntExact(shape.get(shape.size() - 1));
  }

  void forEach(Sink sink) throws IOException {
    if (!isDecimal(entry.type())) {
      throw new InputException(
          "%s: tensor %s is %s, expected F64, F32, F16 or BF16"
              .formatted(file, Texts.quoted(entry.name()), entry.type()));
    }
    float[] row = new float[width()];
    long bytes = (long) row.length * entry.type().bytes();
    ByteBuffer stored = ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    long rows = bytes == 0 ? 0 : entry.length() / bytes;
    try (FileChannel in = FileChannel.open(file)) {
      for (long place = 0; place < rows; place++) {
        entry.layout().read(in, entry, order.row(place, rows) * bytes, stored.clear());
        Floats.read(stored.flip(), entry.type(), row);
        for (int i = 0; i < row.length && (factor != 1 || shift != 0); i++) {
          row[i] = row[i] * factor + shift;
        }
        sink.accept(row);
      }
    }
  }

  static boolean isDecimal(SafetensorsType type) {
    return switch (type) {
      case F64, F32, F16, BF16 -> true;
      default -> false;
    };
  }

  /** Writes all of it in a type; a row is a multiple of the type's blocks. */
  void write(GgufType type, WritableByteChannel out) throws IOException {
    float[] block = new float[type.blockElements()];
    ByteBuffer coded =
        ByteBuffer.allocate(Math.toIntExact(type.bytes(width()))).order(ByteOrder.LITTLE_ENDIAN);
    forEach(
        row -> {
          coded.clear();
          if (type.isQuantised()) {
            for (int at = 0; at < row.length; at += block.length) {
              System.arraycopy(row, at, block, 0, block.length);
              GgufQuantiser.write(type, block, coded);
            }
          } else {
            Floats.write(row, type.elements(), coded);
          }
          AtomicFile.writeFully(out, coded.flip());
        });
  }
}
