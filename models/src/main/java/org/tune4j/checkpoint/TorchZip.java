package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Where the members of a zip file lie, which must be stored uncompressed, as torch does. {@code
 * java.util.zip} does not tell. Source: PKWARE's APPNOTE 6.3.
 */
final class TorchZip {
  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int END64_LOCATOR = 0x07064b50;
  private static final int END64_LOCATOR_BYTES = 20;
  private static final int END64 = 0x06064b50;
  private static final int END64_BYTES = 56;
  private static final int MEMBER = 0x02014b50;
  private static final int MEMBER_BYTES = 46;
  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final int MOST_COMMENT = 0xffff;
  private static final long SEE_64 = 0xffffffffL;
  private static final int MOST_DIRECTORY = 64 << 20;

  private final FileChannel file;
  private final long size;
  private final Map<String, Member> members = new HashMap<>();

  private TorchZip(FileChannel file) throws IOException {
    this.file = file;
    this.size = file.size();
  }

  /** A member's bytes in the file. */
  record Member(long offset, long length) {}

  /**
   * @throws IOException with a reason when the file cannot be read or is no such zip file
   */
  static Map<String, Member> members(FileChannel file) throws IOException {
    TorchZip zip = new TorchZip(file);
    zip.read();
    return zip.members;
  }

  private void read() throws IOException {
    ByteBuffer tail = at(Math.max(0, size - END_BYTES - MOST_COMMENT), size);
    int end = tail.limit() - END_BYTES;
    while (end >= 0 && tail.getInt(end) != END) {
      end--;
    }
    if (end < 0) {
      throw new IOException("it has no zip directory; it is truncated");
    }
    long length = Integer.toUnsignedLong(tail.getInt(end + 12));
    long start = Integer.toUnsignedLong(tail.getInt(end + 16));
    int locator = end - END64_LOCATOR_BYTES;
    if (locator >= 0 && tail.getInt(locator) == END64_LOCATOR) {
      long place = tail.getLong(locator + 8);
      ByteBuffer end64 = at(place, Math.addExact(place, END64_BYTES));
      if (end64.getInt(0) != END64) {
        throw new IOException("its zip64 directory is broken");
      }
      length = end64.getLong(40);
      start = end64.getLong(48);
    }
    if (length < 0 || length > MOST_DIRECTORY) {
      throw new IOException("its zip directory claims " + length + " bytes");
    }
    ByteBuffer directory = at(start, Math.addExact(start, length));
    while (directory.hasRemaining()) {
      member(directory);
    }
  }

  private void member(ByteBuffer d) throws IOException {
    int at = d.position();
    if (d.remaining() < MEMBER_BYTES || d.getInt(at) != MEMBER) {
      throw new IOException("its zip directory is broken");
    }
    int name = Short.toUnsignedInt(d.getShort(at + 28));
    int extra = Short.toUnsignedInt(d.getShort(at + 30));
    int comment = Short.toUnsignedInt(d.getShort(at + 32));
    if (d.remaining() < MEMBER_BYTES + name + extra + comment) {
      throw new IOException("its zip directory is broken");
    }
    String text = StandardCharsets.UTF_8.decode(d.slice(at + MEMBER_BYTES, name)).toString();
    int method = d.getShort(at + 10);
    int encrypted = d.getShort(at + 8) & 1;
    if (method != 0 || encrypted != 0) {
      throw new IOException(
          Texts.quoted(text) + " in it is compressed or encrypted, and torch stores it plainly");
    }
    long[] sizes = {
      Integer.toUnsignedLong(d.getInt(at + 24)),
      Integer.toUnsignedLong(d.getInt(at + 20)),
      Integer.toUnsignedLong(d.getInt(at + 42))
    };
    widen(d.slice(at + MEMBER_BYTES + name, extra).order(ByteOrder.LITTLE_ENDIAN), sizes);
    ByteBuffer local = at(sizes[2], Math.addExact(sizes[2], LOCAL_BYTES));
    if (local.getInt(0) != LOCAL) {
      throw new IOException(Texts.quoted(text) + " is not where its zip directory says");
    }
    long data =
        sizes[2]
            + LOCAL_BYTES
            + Short.toUnsignedInt(local.getShort(26))
            + Short.toUnsignedInt(local.getShort(28));
    if (sizes[0] < 0 || sizes[0] > size - data) {
      throw new IOException(Texts.quoted(text) + " in it goes beyond its end; it is truncated");
    }
    if (members.put(text, new Member(data, sizes[0])) != null) {
      throw new IOException("it holds " + Texts.quoted(text) + " twice");
    }
    d.position(at + MEMBER_BYTES + name + extra + comment);
  }

  /** Zip64's extra field has those of the sizes that the directory has no room for, in order. */
  private static void widen(ByteBuffer extra, long[] sizes) throws IOException {
    while (extra.remaining() >= 4) {
      int id = extra.getShort();
      int length = Math.min(Short.toUnsignedInt(extra.getShort()), extra.remaining());
      ByteBuffer field = extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
      extra.position(extra.position() + length);
      for (int i = 0; id == 1 && i < sizes.length; i++) {
        if (sizes[i] == SEE_64) {
          if (field.remaining() < Long.BYTES) {
            throw new IOException("its zip64 directory is broken");
          }
          sizes[i] = field.getLong();
        }
      }
    }
  }

  private ByteBuffer at(long from, long to) throws IOException {
    if (from < 0 || to > size || from > to) {
      throw new IOException("its zip directory points beyond its end; it is truncated");
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(to - from)).order(ByteOrder.LITTLE_ENDIAN);
    RegularFile.fill(file, from, bytes);
    return bytes.flip();
  }
}
