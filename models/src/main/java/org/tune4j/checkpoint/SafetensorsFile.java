package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * The table of contents of a safetensors file, checked completely; the tensors' bytes are not read.
 *
 * <p>A file is 8 bytes (the header's length, little-endian), a JSON header, and the tensors' bytes,
 * which must follow each other without overlap, gap or rest. Nothing of a file that breaks a rule
 * is given out. Source: the format's description at github.com/huggingface/safetensors.
 */
public final class SafetensorsFile implements WeightsFile {
  /** The largest header that is read, in bytes, as in the format's reference reader. */
  public static final long MAX_HEADER_BYTES = 100_000_000;

  static final int PREFIX_BYTES = 8;

  private final Path path;
  private final long size;
  private final Map<String, Entry> entries;
  private final Map<String, String> metadata;

  private SafetensorsFile(
      Path path, long size, Map<String, Entry> entries, Map<String, String> metadata) {
    this.path = path;
    this.size = size;
    this.entries = entries;
    this.metadata = metadata;
  }

  /**
   * Where one tensor lies.
   *
   * @param name as in the file
   * @param type of its elements
   * @param shape its sizes, none for a scalar
   * @param offset of its first byte, counted from the start of the file
   * @param length of its elements in bytes, the product of the shape times the type's size
   * @param layout of its elements in the file
   */
  public record Entry(
      String name,
      SafetensorsType type,
      List<Long> shape,
      long offset,
      long length,
      Layout layout) {
    /** Copies the shape. */
    public Entry {
      shape = List.copyOf(shape);
    }

    Entry(String name, SafetensorsType type, List<Long> shape, long offset, long length) {
      this(name, type, shape, offset, length, Layout.PLAIN);
    }

    Entry named(String other) {
      return new Entry(other, type, shape, offset, length, layout);
    }

    Entry in(Layout other) {
      return new Entry(name, type, shape, offset, length, other);
    }

    /** {@return the shape as an array of the caller's own; empty for a scalar} */
    public long[] dimensions() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * {@return whether the bytes can be used where the file is mapped: they are the elements, and
     * the offset is a multiple of an element's size}
     */
    public boolean aligned() {
      return layout == Layout.PLAIN && offset % type.bytes() == 0;
    }
  }

  /**
   * Reads and checks the header.
   *
   * @param path of a file, closed again when this returns
   * @return its table of contents
   * @throws InputException if the file is missing, cannot be read, or breaks a rule of the format
   */
  public static SafetensorsFile open(Path path) {
    try (FileChannel channel = openChannel(path)) {
      long size = channel.size();
      String header = decode(path, readHeader(path, channel, size));
      long dataStart = PREFIX_BYTES + headerLength(path, channel, size);
      SafetensorsHeader parsed = SafetensorsHeader.parse(path, header, dataStart, size);
      return new SafetensorsFile(path, size, parsed.entries(), parsed.metadata());
    } catch (IOException e) {
      throw new InputException("cannot read " + path + ": " + TuneException.reason(e), e);
    }
  }

  private static FileChannel openChannel(Path path) throws IOException {
    RegularFile.require(path, "a safetensors file");
    try {
      return FileChannel.open(path, StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw new InputException(path + " does not exist; check the path", e);
    }
  }

  private static ByteBuffer readHeader(Path path, FileChannel channel, long size)
      throws IOException {
    ByteBuffer header = ByteBuffer.allocate((int) headerLength(path, channel, size));
    RegularFile.fill(channel, PREFIX_BYTES, header);
    return header.flip();
  }

  private static long headerLength(Path path, FileChannel channel, long size) throws IOException {
    if (size < PREFIX_BYTES) {
      throw broken(path, "it has " + size + " bytes, expected at least 8; it is truncated", null);
    }
    ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    RegularFile.fill(channel, 0, prefix);
    long length = prefix.getLong(0);
    if (length < 2 || length > MAX_HEADER_BYTES) {
      throw broken(
          path,
          "its header claims "
              + Long.toUnsignedString(length)
              + " bytes, expected 2 to "
              + MAX_HEADER_BYTES
              + "; it is not a safetensors file, or is damaged",
          null);
    }
    if (length > size - PREFIX_BYTES) {
      throw broken(
          path,
          "its header claims "
              + length
              + " bytes, but "
              + (size - PREFIX_BYTES)
              + " follow; it is truncated",
          null);
    }
    return length;
  }

  private static String decode(Path path, ByteBuffer header) {
    if (header.get(0) != '{') {
      throw broken(path, "its header does not start with '{'", null);
    }
    try {
      CharBuffer text =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(header);
      return text.toString();
    } catch (CharacterCodingException e) {
      throw broken(path, "its header is not valid UTF-8", e);
    }
  }

  static InputException broken(Path path, String why, @Nullable Throwable cause) {
    String message =
        path + " is not a valid safetensors file: " + why + "; download the file again";
    return cause == null ? new InputException(message) : new InputException(message, cause);
  }

  /** {@return the file} */
  @Override
  public Path path() {
    return path;
  }

  /** Size of the whole file in bytes. */
  long size() {
    return size;
  }

  /** {@return all tensors by name, in the order of their bytes in the file; unmodifiable} */
  @Override
  public Map<String, Entry> entries() {
    return entries;
  }

  /** The header's {@code __metadata__}, empty where there is none. */
  Map<String, String> metadata() {
    return metadata;
  }

  /**
   * {@return where the tensor of that name lies}
   *
   * @param name as in the file
   * @throws InputException if the file has none
   */
  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new InputException(
          path + " has no tensor " + Texts.quoted(name) + " among its " + entries.size());
    }
    return entry;
  }
}
