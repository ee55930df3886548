package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.Pickle.StoredView;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.checkpoint.TorchZip.Member;

/**
 * The tensors of a file that {@code torch.save} wrote, such as {@code pytorch_model.bin} or Meta's
 * {@code consolidated.00.pth}. Only tensors are read; a pickle that asks for anything else is
 * refused.
 */
final class TorchFile implements WeightsFile {
  private static final String PICKLE = "/data.pkl";
  private static final int MOST_PICKLE = 16 << 20;

  private final Path path;
  private final Map<String, Entry> entries;

  private TorchFile(Path path, Map<String, Entry> entries) {
    this.path = path;
    this.entries = Collections.unmodifiableMap(entries);
  }

  /**
   * Reads and checks what lies where.
   *
   * @throws InputException if the file is missing, cannot be read, or is no file of tensors
   */
  static TorchFile open(Path path) {
    RegularFile.require(path, "a PyTorch file");
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      return new TorchFile(path, entries(file));
    } catch (Pickle.Refused | ArithmeticException e) {
      throw refused(path, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw refused(path, TuneException.reason(e), e);
    }
  }

  private static InputException refused(Path path, String why, Throwable cause) {
    return new InputException(
        path
            + " is not a PyTorch file of tensors: "
            + why
            + "; download it again, or get the model as safetensors",
        cause);
  }

  private static Map<String, Entry> entries(FileChannel file) throws IOException, Pickle.Refused {
    ByteBuffer start = ByteBuffer.allocate(2);
    if (file.read(start, 0) < 2 || start.get(0) != 'P' || start.get(1) != 'K') {
      throw new IOException("it is no zip file, as torch has written since version 1.6");
    }
    Map<String, Member> members = TorchZip.members(file);
    Map.Entry<String, Member> pickle =
        members.entrySet().stream()
            .filter(e -> e.getKey().endsWith(PICKLE))
            .findFirst()
            .orElseThrow(() -> new IOException("it holds no data.pkl"));
    String folder = pickle.getKey().substring(0, pickle.getKey().length() - PICKLE.length());
    Member order = members.get(folder + "/byteorder");
    if (order != null && !"little".equals(text(file, order))) {
      throw new IOException("its numbers are not little-endian");
    }
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (Map.Entry<String, StoredView> e :
        Pickle.tensors(bytes(file, pickle.getValue())).entrySet()) {
      Member data = members.get(folder + "/data/" + e.getValue().storage().key());
      if (data == null) {
        throw new IOException("the bytes of tensor " + Texts.quoted(e.getKey()) + " are missing");
      }
      entries.put(e.getKey(), entry(e.getKey(), e.getValue(), data));
    }
    return entries;
  }

  private static Entry entry(String name, StoredView view, Member data) throws IOException {
    String tensor = "tensor " + Texts.quoted(name);
    List<Long> shape = view.shape();
    if (shape.stream().anyMatch(size -> size < 0) || view.strides().size() != shape.size()) {
      throw new IOException(tensor + " has the shape " + shape);
    }
    SafetensorsType type = view.storage().type();
    long length = SafetensorsHeader.byteLength(type, shape);
    long expected = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      if (shape.get(i) != 1 && length > 0 && view.strides().get(i) != expected) {
        throw new IOException(
            "%s of shape %s has the strides %s and is not contiguous"
                .formatted(tensor, shape, view.strides()));
      }
      expected *= shape.get(i);
    }
    long offset = Math.multiplyExact(view.offset(), (long) type.bytes());
    if (offset < 0 || Math.addExact(offset, length) > data.length()) {
      throw new IOException(tensor + " goes beyond its storage");
    }
    return new Entry(name, type, shape, data.offset() + offset, length);
  }

  private static ByteBuffer bytes(FileChannel file, Member member) throws IOException {
    if (member.length() > MOST_PICKLE) {
      throw new IOException("its pickle has " + Texts.size(member.length()));
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) member.length());
    RegularFile.fill(file, member.offset(), bytes);
    return bytes.flip();
  }

  private static String text(FileChannel file, Member member) throws IOException {
    return StandardCharsets.UTF_8.decode(bytes(file, member)).toString();
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Map<String, Entry> entries() {
    return entries;
  }

  @Override
  public Map<String, Entry> weights(JsonFields config) {
    return MetaModel.isOne(entries.keySet()) ? MetaModel.weights(path, entries, config) : entries;
  }
}
