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
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** A model in a GGUF file, which holds what a Hugging Face folder has beside the weights too. */
public final class GgufModel {
  /** The weights' file in a folder that is made for one: a link. */
  private static final String LINK = "weights.gguf";

  /** The same of a model that is split. */
  private static final String PART = "weights-%05d-of-%05d.gguf";

  private static final Pattern SPLIT = Pattern.compile("(.+)-\\d{5}-of-(\\d{5})\\.gguf");

  /** A change of what is written into a folder makes another folder. */
  private static final String VERSION = "2";

  private GgufModel() {}

  /**
   * {@return the GGUF file that a place stands for: itself, or the only one of a folder without
   * {@code config.json}; of one that is split, the first}
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
    List<Path> found = FolderFiles.all(place).stream().filter(GgufModel::isName).toList();
    boolean one = !found.isEmpty() && parts(found.get(0)) == found.size();
    return one ? Optional.of(found.get(0)) : Optional.empty();
  }

  private static boolean isName(Path file) {
    return String.valueOf(file.getFileName()).endsWith(".gguf");
  }

  /** How many files a model has, as the name of its first one says. */
  static int parts(Path first) {
    Matcher m = SPLIT.matcher(String.valueOf(first.getFileName()));
    return m.matches() ? Integer.parseInt(m.group(2)) : 1;
  }

  /** All files of a model. */
  private static List<GgufFile> files(Path first) {
    Matcher m = SPLIT.matcher(String.valueOf(first.getFileName()));
    if (!m.matches()) {
      return List.of(GgufFile.open(first));
    }
    List<GgufFile> files = new ArrayList<>();
    for (int i = 1; i <= Integer.parseInt(m.group(2)); i++) {
      Path part = first.resolveSibling("%s-%05d-of-%s.gguf".formatted(m.group(1), i, m.group(2)));
      if (!Files.exists(part)) {
        throw new InputException(
            "the GGUF model %s is split, and %s is missing; download all its files into one folder"
                .formatted(first, part.getFileName()));
      }
      files.add(GgufFile.open(part));
    }
    return files;
  }

  /**
   * Makes a folder with a link to the file, and what its metadata says as {@code config.json} and
   * tokenizer files. One that was made for the same file is taken as it is.
   *
   * @param file GGUF; of a model that is split, any of its files
   * @param parent of such folders, made as needed
   * @return the folder
   * @throws InputException if the file is broken, or of a kind that is not supported
   * @throws org.tune4j.EnvironmentException if the folder cannot be written
   */
  public static Path folder(Path file, Path parent) {
    Path first = first(file);
    Path folder = parent.resolve(name(first));
    if (Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))) {
      return folder;
    }
    List<GgufFile> files = files(first);
    GgufMetadata metadata = files.get(0).metadata();
    Map<String, Weight> tensors = new TreeMap<>();
    files.forEach(
        part -> part.entries().forEach((n, e) -> tensors.put(n, new Weight(part.path(), e))));
    Map<String, Object> config =
        new GgufSizes(GgufArchitecture.of(metadata)).config(metadata, tensors.keySet());
    scaling(tensors, config);
    Map<String, byte[]> tokenizer = GgufTokenizer.files(metadata);
    AtomicFolder.write(
        folder,
        target -> {
          for (Map.Entry<String, byte[]> side : tokenizer.entrySet()) {
            Files.write(target.resolve(side.getKey()), side.getValue());
          }
          json(target.resolve(HuggingFaceFolder.CONFIG), config);
          for (int i = 0; i < files.size(); i++) {
            link(
                target.resolve(files.size() == 1 ? LINK : PART.formatted(i + 1, files.size())),
                files.get(i).path().toRealPath());
          }
        });
    return folder;
  }

  private static Path first(Path file) {
    Matcher m = SPLIT.matcher(String.valueOf(file.getFileName()));
    return m.matches()
        ? file.resolveSibling("%s-00001-of-%s.gguf".formatted(m.group(1), m.group(2)))
        : file;
  }

  /**
   * {@return the GGUF file that a folder was made for; the folder itself where it was not}
   *
   * @param folder of a model
   */
  public static Path origin(Path folder) {
    Path whole = folder.resolve(LINK);
    Path link =
        Files.exists(whole)
            ? whole
            : FolderFiles.all(folder).stream().filter(GgufModel::isName).findFirst().orElse(whole);
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

  /** Finds the formula that gives the file's factors, or takes them as they are. */
  private static void scaling(Map<String, Weight> tensors, Map<String, Object> config) {
    Weight one = tensors.get(GgufArchitecture.ROPE_FACTORS);
    if (one != null) {
      double theta = (Double) config.getOrDefault("rope_theta", 10_000.0);
      config.put(
          "rope_scaling",
          GgufRope.scaling(values(one), theta)
              .orElseThrow(
                  () ->
                      new InputException(
                          "%s: %s scales rotations in another way than Llama 3.1's; get the model in Hugging Face's format"
                              .formatted(one.file(), one.entry().name()))));
    }
    Weight longer = tensors.get(GgufArchitecture.LONG_FACTORS);
    Weight shorter = tensors.get(GgufArchitecture.SHORT_FACTORS);
    if (longer != null && shorter != null) {
      Map<String, Object> scaling = new LinkedHashMap<>();
      scaling.put("rope_type", "longrope");
      scaling.put("long_factor", values(longer));
      scaling.put("short_factor", values(shorter));
      config.put("rope_scaling", scaling);
    }
  }

  private static float[] values(Weight w) {
    Entry entry = w.entry();
    float[] values = new float[Math.toIntExact(entry.length() / entry.type().bytes())];
    try (FileChannel channel = FileChannel.open(w.file())) {
      ByteBuffer bytes =
          ByteBuffer.allocate(Math.toIntExact(entry.length())).order(ByteOrder.LITTLE_ENDIAN);
      entry.layout().read(channel, entry, 0, bytes);
      Floats.read(bytes.flip(), entry.type(), values);
      return values;
    } catch (IOException e) {
      throw new InputException("cannot read " + w.file() + ": " + TuneException.reason(e), e);
    }
  }
}
