package org.tune4j.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.tune4j.UsageException;

/**
 * Writes safetensors files: aside, synced, renamed into place. A file of that name stays unharmed
 * until the new one is whole.
 */
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;
  private static final JsonFactory JSON = new JsonFactory();

  private SafetensorsWriter() {}

  /**
   * Writes the tensors in the given order, those with larger elements first, so that each lies
   * aligned to its element; marks the file with {@code {"format": "pt"}}, which transformers asks
   * for.
   *
   * @param target in an existing folder
   * @param tensors their bytes are asked for one tensor after the other; none is held here
   * @throws UsageException if a name is given twice, or a tensor's bytes are not as many as its
   *     type and shape say
   * @throws org.tune4j.EnvironmentException if the file cannot be written, as on a full disk
   */
  public static void write(Path target, List<StoredTensor> tensors) {
    List<StoredTensor> ordered = ordered(tensors);
    byte[] header = header(ordered);
    AtomicFile.write(target, total(header, ordered), channel -> stream(channel, header, ordered));
  }

  /** {@link #write(Path, List)} through another channel, for tests of a full disk. */
  static void write(Path target, List<StoredTensor> tensors, AtomicFile.Opener opener) {
    List<StoredTensor> ordered = ordered(tensors);
    byte[] header = header(ordered);
    AtomicFile.write(
        target, total(header, ordered), channel -> stream(channel, header, ordered), opener);
  }

  private static List<StoredTensor> ordered(List<StoredTensor> tensors) {
    Set<String> names = new HashSet<>();
    for (StoredTensor tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new UsageException("tensor " + Texts.quoted(tensor.name()) + " is given twice");
      }
    }
    List<StoredTensor> ordered = new ArrayList<>(tensors);
    ordered.sort(Comparator.comparingInt(tensor -> -tensor.type().bytes()));
    return ordered;
  }

  private static long total(byte[] header, List<StoredTensor> tensors) {
    return header.length + tensors.stream().mapToLong(StoredTensor::length).sum();
  }

  /** The length's 8 bytes and the JSON, padded with blanks. */
  private static byte[] header(List<StoredTensor> tensors) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeObjectFieldStart("__metadata__");
      json.writeStringField("format", "pt");
      json.writeEndObject();
      long offset = 0;
      for (StoredTensor tensor : tensors) {
        writeEntry(json, tensor, offset);
        offset = Math.addExact(offset, tensor.length());
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot happen: memory does not fail so", e);
    }
    while (text.size() % ALIGNMENT != 0) {
      text.write(' ');
    }
    return ByteBuffer.allocate(SafetensorsFile.PREFIX_BYTES + text.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.size())
        .put(text.toByteArray())
        .array();
  }

  private static void writeEntry(JsonGenerator json, StoredTensor tensor, long offset)
      throws IOException {
    json.writeObjectFieldStart(tensor.name());
    json.writeStringField("dtype", tensor.type().name());
    json.writeArrayFieldStart("shape");
    for (long size : tensor.shape()) {
      json.writeNumber(size);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("data_offsets");
    json.writeNumber(offset);
    json.writeNumber(Math.addExact(offset, tensor.length()));
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void stream(WritableByteChannel channel, byte[] header, List<StoredTensor> tensors)
      throws IOException {
    AtomicFile.writeFully(channel, ByteBuffer.wrap(header));
    for (StoredTensor tensor : tensors) {
      Counted counted = new Counted(channel, tensor);
      tensor.bytes().writeTo(counted);
      if (counted.written != tensor.length()) {
        throw counted.miscounted(counted.written);
      }
    }
  }

  /** Refuses bytes beyond the tensor's length: they would shift every tensor after it. */
  private static final class Counted implements WritableByteChannel {
    private final WritableByteChannel target;
    private final StoredTensor tensor;
    private long written;

    Counted(WritableByteChannel target, StoredTensor tensor) {
      this.target = target;
      this.tensor = tensor;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      if (written + source.remaining() > tensor.length()) {
        throw miscounted(written + source.remaining());
      }
      int count = source.remaining();
      AtomicFile.writeFully(target, source);
      written += count;
      return count;
    }

    UsageException miscounted(long found) {
      return new UsageException(
          "tensor "
              + Texts.quoted(tensor.name())
              + " gave "
              + found
              + " bytes, expected "
              + tensor.length()
              + " for "
              + tensor.type()
              + " "
              + tensor.shape());
    }

    @Override
    public boolean isOpen() {
      return target.isOpen();
    }

    @Override
    public void close() {
      // The file belongs to the writer.
    }
  }
}
