package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** A model in a GGUF file, which holds what a Hugging Face folder has beside the weights too. */
public final class GgufModel {
  /** The weights' file in a folder that is made for one: a link. */
  private static final String LINK = "weights.gguf";

  /** A change of what is written into a folder makes another folder. */
  private static final String VERSION = "1";

  private GgufModel() {}

  /**
   * {@return the GGUF file that a place stands for: itself, or the only one of a folder without
   * {@code config.json}}
   *
   * @param place need not exist
   * @throws InputException if the folder cannot be read
   */
  public static Optional<Path> at(Path place) {
    if (Files.isRegularFile(place)) {
      return isName(place) ? Optional.of(place) : Optional.empty();
    }
    if (!Files.isDirectory(place) || Files.exists(place.resolve(HuggingFaceFolder.CONFIG))) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(place)) {
      List<Path> found = files.filter(GgufModel::isName).limit(2).toList();
      return found.size() == 1 ? Optional.of(found.get(0)) : Optional.empty();
    } catch (IOException e) {
      throw new InputException(
          "cannot read the folder " + place + ": " + TuneException.reason(e), e);
    }
  }

  private static boolean isName(Path file) {
    return String.valueOf(file.getFileName()).endsWith(".gguf");
  }

  /**
   * Makes a folder with a link to the file, and what its metadata says as {@code config.json} and
   * tokenizer files. One that was made for the same file is taken as it is.
   *
   * @param file GGUF
   * @param parent of such folders, made as needed
   * @return the folder
   * @throws InputException if the file is broken, or of a kind that is not supported
   * @throws org.tune4j.EnvironmentException if the folder cannot be written
   */
  public static Path folder(Path file, Path parent) {
    Path folder = parent.resolve(name(file));
    if (Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))) {
      return folder;
    }
    GgufFile gguf = GgufFile.open(file);
    GgufMetadata metadata = gguf.metadata();
    Map<String, Object> config =
        GgufArchitecture.of(metadata).config(metadata, gguf.entries().keySet());
    Entry factors = gguf.entries().get(GgufArchitecture.ROPE_FACTORS);
    if (factors != null) {
      scaling(file, factors, config);
    }
    Map<String, byte[]> tokenizer = GgufTokenizer.files(metadata);
    AtomicFolder.write(
        folder,
        target -> {
          for (Map.Entry<String, byte[]> side : tokenizer.entrySet()) {
            Files.write(target.resolve(side.getKey()), side.getValue());
          }
          json(target.resolve(HuggingFaceFolder.CONFIG), config);
          link(target.resolve(LINK), file.toRealPath());
        });
    return folder;
  }

  /**
   * {@return the GGUF file that a folder was made for; the folder itself where it was not}
   *
   * @param folder of a model
   */
  public static Path origin(Path folder) {
    Path link = folder.resolve(LINK);
    try {
      return Files.isSymbolicLink(link) ? link.toRealPath() : folder;
    } catch (IOException e) {
      return folder; // The file is gone; whoever reads the weights says so.
    }
  }

  private static void json(Path file, Map<String, Object> fields) throws IOException {
    Files.writeString(file, ShardPlan.pretty(JsonFields.MAPPER.valueToTree(fields)));
  }

  /** Windows may refuse links to those who are no administrators, other than hard ones. */
  private static void link(Path link, Path file) throws IOException {
    try {
      Files.createSymbolicLink(link, file);
    } catch (IOException | UnsupportedOperationException e) {
      Files.createLink(link, file);
    }
  }

  private static String name(Path file) {
    try {
      Path real = file.toRealPath();
      String key =
          "%s %s %d %s".formatted(VERSION, real, Files.size(real), Files.getLastModifiedTime(real));
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      String name = String.valueOf(file.getFileName()).replaceFirst("\\.gguf$", "");
      return name + "-" + HexFormat.of().formatHex(hash, 0, 6);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + TuneException.reason(e), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Finds the formula that gives the file's factors. */
  private static void scaling(Path file, Entry entry, Map<String, Object> config) {
    float[] factors = new float[Math.toIntExact(entry.length() / entry.type().bytes())];
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer bytes =
          ByteBuffer.allocate(Math.toIntExact(entry.length())).order(ByteOrder.LITTLE_ENDIAN);
      entry.layout().read(channel, entry, 0, bytes);
      Floats.read(bytes.flip(), entry.type(), factors);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + TuneException.reason(e), e);
    }
    config.put(
        "rope_scaling",
        GgufRope.scaling(factors, (Double) config.getOrDefault("rope_theta", 10_000.0))
            .orElseThrow(
                () ->
                    new InputException(
                        "%s: %s scales rotations in another way than Llama 3.1's; get the model in Hugging Face's format"
                            .formatted(file, entry.name()))));
  }
}
