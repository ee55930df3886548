package org.tune4j.metrics;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file: TFRecord frames (length, its checksum, data, its checksum) around
 * {@code Event} messages of {@code tensorflow/core/util/event.proto}. Each record is one write, so
 * a killed process leaves at most half a record at the end, which readers skip.
 */
final class EventFile implements AutoCloseable {
  /** Protobuf's wire types: variable-length number, eight bytes, length and bytes, four bytes. */
  private static final int VARINT = 0;

  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  /** {@code SessionLog.SessionStatus.START}. */
  private static final int START = 1;

  private final FileChannel out;

  private EventFile(FileChannel out) {
    this.out = out;
  }

  /**
   * Makes a file.
   *
   * @param firstStep what readers have of this and later steps from the folder's older files is
   *     dropped
   * @throws java.nio.file.FileAlreadyExistsException when it exists
   */
  static EventFile create(Path file, double wallTime, long firstStep) throws IOException {
    EventFile events =
        new EventFile(
            FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    events.append(new Message().fixed64(1, wallTime).bytes(3, "brain.Event:2"));
    events.append(
        new Message()
            .fixed64(1, wallTime)
            .varint(2, firstStep)
            .bytes(7, new Message().varint(1, START)));
    return events;
  }

  /**
   * Appends a step's values.
   *
   * @param wallTime seconds since 1970
   */
  void append(double wallTime, long step, Map<String, Number> values) throws IOException {
    Message summary = new Message();
    values.forEach(
        (tag, value) ->
            summary.bytes(1, new Message().bytes(1, tag).fixed32(2, value.floatValue())));
    append(new Message().fixed64(1, wallTime).varint(2, step).bytes(5, summary));
  }

  private void append(Message event) throws IOException {
    byte[] data = event.toBytes();
    ByteBuffer record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc(record.array(), 0, 8));
    record.put(data);
    record.putInt(maskedCrc(record.array(), 12, data.length));
    record.flip();
    while (record.hasRemaining()) {
      out.write(record);
    }
  }

  /** TFRecord's checksum: CRC-32C, rotated and shifted so that no record holds its own. */
  private static int maskedCrc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  /** A protobuf message: each call appends a field. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    byte[] toBytes() {
      return out.toByteArray();
    }

    Message varint(int field, long value) {
      number(field << 3 | VARINT);
      number(value);
      return this;
    }

    Message fixed64(int field, double value) {
      number(field << 3 | FIXED64);
      littleEndian(Double.doubleToRawLongBits(value), Double.BYTES);
      return this;
    }

    Message fixed32(int field, float value) {
      number(field << 3 | FIXED32);
      littleEndian(Float.floatToRawIntBits(value), Float.BYTES);
      return this;
    }

    Message bytes(int field, String text) {
      return bytes(field, text.getBytes(StandardCharsets.UTF_8));
    }

    Message bytes(int field, Message nested) {
      return bytes(field, nested.toBytes());
    }

    private Message bytes(int field, byte[] bytes) {
      number(field << 3 | BYTES);
      number(bytes.length);
      out.writeBytes(bytes);
      return this;
    }

    /** Seven bits a byte, the lowest first. */
    private void number(long value) {
      for (; (value & ~0x7fL) != 0; value >>>= 7) {
        out.write((int) (value & 0x7f) | 0x80);
      }
      out.write((int) value);
    }

    private void littleEndian(long bits, int bytes) {
      for (int i = 0; i < bytes; i++) {
        out.write((int) (bits >>> (8 * i)));
      }
    }
  }
}
