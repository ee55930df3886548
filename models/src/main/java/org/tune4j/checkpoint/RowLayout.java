package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Rows that are decoded one at a time, and may be stored in another order.
 *
 * @param coding of a row's elements
 * @param heads whose rows Meta and llama.cpp store with the halves that a rotation turns into each
 *     other interleaved, where Hugging Face stores one half behind the other; 0 for rows in order
 */
record RowLayout(Coding coding, int heads) implements Layout {
  /** How the elements of a row are stored. */
  interface Coding {
    /** Bytes in the file of so many elements. */
    long bytes(long elements);

    /** Writes the elements of the stored bytes. */
    void decode(ByteBuffer stored, ByteBuffer elements);
  }

  /** Elements of this type as they are. */
  static Coding plain(SafetensorsType type) {
    return new Coding() {
      @Override
      public long bytes(long elements) {
        return elements * type.bytes();
      }

      @Override
      public void decode(ByteBuffer stored, ByteBuffer elements) {
        elements.put(stored);
      }
    };
  }

  /** The same tensor with its rows in Hugging Face's order; itself for 0 heads. */
  static Entry turned(Path file, Entry e, int heads) {
    if (heads == 0) {
      return e;
    }
    if (e.shape().isEmpty() || e.length() == 0 || e.shape().get(0) % (2L * heads) != 0) {
      throw new InputException(
          "%s: %s has the shape %s, expected an even number of rows for each of %d heads"
              .formatted(file, e.name(), e.shape(), heads));
    }
    return e.in(
        new RowLayout(e.layout() instanceof RowLayout rows ? rows.coding : plain(e.type()), heads));
  }

  @Override
  public void read(FileChannel file, Entry entry, long at, ByteBuffer target) throws IOException {
    if (!target.hasRemaining()) {
      return; // A tensor without elements has no rows to count.
    }
    List<Long> shape = entry.shape();
    long width = heads == 0 ? shape.get(shape.size() - 1) : 0;
    long rows = heads == 0 ? entry.length() / entry.type().bytes() / width : shape.get(0);
    long bytes = entry.length() / rows;
    long stored = coding.bytes(bytes / entry.type().bytes());
    ByteBuffer in = little(stored);
    ByteBuffer row = little(bytes);
    long from = at;
    while (target.hasRemaining()) {
      RegularFile.fill(file, entry.offset() + place(from / bytes, rows) * stored, in.clear());
      coding.decode(in.flip(), row.clear());
      row.flip().position((int) (from % bytes));
      row.limit(Math.min(row.limit(), row.position() + target.remaining()));
      from += row.remaining();
      target.put(row);
    }
  }

  private static ByteBuffer little(long bytes) {
    return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private long place(long row, long rows) {
    if (heads == 0) {
      return row;
    }
    long head = rows / heads;
    long within = row % head;
    return row - within + within % (head / 2) * 2 + within / (head / 2);
  }
}
