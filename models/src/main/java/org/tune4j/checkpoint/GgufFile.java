package org.tune4j.checkpoint;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A GGUF file: metadata, and where its tensors lie. Versions 2 and 3, little-endian. Source: {@code
 * docs/gguf.md} of ggml.
 */
final class GgufFile implements WeightsFile {
  static final int MAGIC = 0x46554747;
  static final int ALIGNMENT = 32;
  private static final int MOST_DIMENSIONS = 4;
  private static final int MOST_WIDTH = 1 << 24;
  private static final int MOST_HEADER = 128 << 20;

  private final Path path;
  private final GgufMetadata metadata;
  private final Map<String, Entry> entries;

  private GgufFile(Path path, GgufMetadata metadata, Map<String, Entry> entries) {
    this.path = path;
    this.metadata = metadata;
    this.entries = Collections.unmodifiableMap(entries);
  }

  /**
   * Reads the header.
   *
   * @throws InputException if the file is missing, cannot be read, or breaks a rule of the format
   */
  static GgufFile open(Path path) {
    RegularFile.require(path, "a GGUF file");
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 20)) {
      return new Header(path, in, Files.size(path)).read();
    } catch (ArithmeticException e) {
      throw broken(path, "a tensor's shape overflows", e);
    } catch (IOException e) {
      throw broken(path, TuneException.reason(e), e);
    }
  }

  private static InputException broken(Path path, String why, Throwable cause) {
    return new InputException(
        path + " is not a valid GGUF file: " + why + "; download the file again", cause);
  }

  @Override
  public Path path() {
    return path;
  }

  GgufMetadata metadata() {
    return metadata;
  }

  @Override
  public Map<String, Entry> entries() {
    return entries;
  }

  @Override
  public Map<String, Entry> weights(JsonFields config) {
    return GgufArchitecture.of(config).weights(path, entries, config);
  }

  /** What is read of a file. */
  private static final class Header {
    private final Path path;
    private final InputStream in;
    private final long size;
    private long at;

    Header(Path path, InputStream in, long size) {
      this.path = path;
      this.in = in;
      this.size = size;
    }

    /** A tensor whose place is known once the header's end is. */
    private record Described(String name, GgufType type, List<Long> shape, long offset) {}

    GgufFile read() throws IOException {
      if (int32() != MAGIC) {
        throw new IOException("it does not begin with 'GGUF'");
      }
      int version = int32();
      if (version != 2 && version != 3) {
        throw new IOException(
            "its version is %d, expected 2 or 3, little-endian".formatted(version));
      }
      long tensors = count(24);
      long keys = count(12);
      Map<String, Object> values = new LinkedHashMap<>();
      for (long i = 0; i < keys; i++) {
        String key = text();
        if (values.put(key, value(int32(), false)) != null) {
          throw new IOException("it holds " + Texts.quoted(key) + " twice");
        }
      }
      GgufMetadata metadata = new GgufMetadata(path, values);
      List<Described> described = new ArrayList<>();
      for (long i = 0; i < tensors; i++) {
        described.add(described());
      }
      long alignment = metadata.whole("general.alignment", ALIGNMENT);
      if (alignment < 1 || alignment > 1 << 20) {
        throw new IOException("its alignment is " + alignment);
      }
      long start = (at + alignment - 1) / alignment * alignment;
      Map<String, Entry> entries = new LinkedHashMap<>();
      for (Described t : described) {
        if (entries.put(t.name(), entry(t, start)) != null) {
          throw new IOException("it holds tensor " + Texts.quoted(t.name()) + " twice");
        }
      }
      return new GgufFile(path, metadata, entries);
    }

    private Described described() throws IOException {
      String name = text();
      int dimensions = int32();
      if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
        throw new IOException(
            "tensor " + Texts.quoted(name) + " has " + dimensions + " dimensions");
      }
      List<Long> shape = new ArrayList<>();
      for (int i = 0; i < dimensions; i++) {
        shape.add(0, int64()); // the fastest comes first
      }
      int id = int32();
      GgufType type =
          GgufType.of(id)
              .orElseThrow(
                  () ->
                      new InputException(
                          "%s: tensor %s is of type %d, expected one of %s; convert the model to one of these"
                              .formatted(
                                  path, Texts.quoted(name), id, List.of(GgufType.values()))));
      return new Described(name, type, List.copyOf(shape), int64());
    }

    private Entry entry(Described t, long start) throws IOException {
      String tensor = "tensor " + Texts.quoted(t.name());
      GgufType type = t.type();
      if (t.shape().stream().anyMatch(n -> n < 0) || t.offset() < 0) {
        throw new IOException(tensor + " has the shape " + t.shape());
      }
      long length = SafetensorsHeader.byteLength(type.elements(), t.shape());
      long width = t.shape().isEmpty() ? 1 : t.shape().get(t.shape().size() - 1);
      if (width % type.blockElements() != 0
          || (type.isQuantised() && length > 0 && width > MOST_WIDTH)) {
        throw new IOException(tensor + " is " + type + " and has rows of " + width + " elements");
      }
      long offset = Math.addExact(start, t.offset());
      long stored = type.bytes(length / type.elements().bytes());
      if (Math.addExact(offset, stored) > size) {
        throw new IOException(tensor + " goes beyond its end; it is truncated");
      }
      Entry entry = new Entry(t.name(), type.elements(), t.shape(), offset, length);
      return type.isQuantised() ? entry.in(new RowLayout(type, 0)) : entry;
    }

    private Object value(int type, boolean inArray) throws IOException {
      return switch (type) {
        case 0 -> (long) bytes(1).get() & 0xff;
        case 1 -> (long) bytes(1).get();
        case 2 -> (long) bytes(2).getShort() & 0xffff;
        case 3 -> (long) bytes(2).getShort();
        case 4 -> int32() & 0xffffffffL;
        case 5 -> (long) int32();
        case 6 -> bytes(4).getFloat();
        case 7 -> bytes(1).get() != 0;
        case 8 -> text();
        case 9 -> {
          if (inArray) {
            throw new IOException("it holds an array in an array");
          }
          yield array();
        }
        case 10, 11 -> int64();
        case 12 -> bytes(8).getDouble();
        default -> throw new IOException("it holds a value of the unknown type " + type);
      };
    }

    private List<Object> array() throws IOException {
      int type = int32();
      long n = count(1);
      List<Object> values = new ArrayList<>();
      for (long i = 0; i < n; i++) {
        values.add(value(type, true));
      }
      return Collections.unmodifiableList(values);
    }

    private long count(int leastBytes) throws IOException {
      long n = int64();
      if (n < 0 || n > (size - at) / leastBytes) {
        throw new IOException("it claims " + Long.toUnsignedString(n) + " items; it is truncated");
      }
      return n;
    }

    private String text() throws IOException {
      return StandardCharsets.UTF_8.decode(bytes(count(1))).toString();
    }

    private int int32() throws IOException {
      return bytes(4).getInt();
    }

    private long int64() throws IOException {
      return bytes(8).getLong();
    }

    private ByteBuffer bytes(long n) throws IOException {
      if (n > MOST_HEADER - at) {
        throw new IOException("its header has more than " + Texts.size(MOST_HEADER));
      }
      byte[] read = in.readNBytes((int) n);
      if (read.length < n) {
        throw new EOFException("its header is truncated");
      }
      at += n;
      return ByteBuffer.wrap(read).order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
