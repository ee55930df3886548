package org.tune4j.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A model's folder as Hugging Face lays it out: {@code config.json}, the weights in one or several
 * safetensors files, tokenizer files beside them. Opening reads headers only.
 */
public final class HuggingFaceFolder {
  /** The name of the model's description. */
  public static final String CONFIG = "config.json";

  private static final Set<String> SIDE_FILES =
      Set.of(
          CONFIG,
          "generation_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          "vocab.json",
          "vocab.txt",
          "merges.txt");

  private final Path path;
  private final HuggingFaceConfig config;
  private final List<SafetensorsFile> files;
  private final Map<String, Weight> weights;

  private HuggingFaceFolder(Path path, HuggingFaceConfig config, List<SafetensorsFile> files) {
    this.path = path;
    this.config = config;
    this.files = files;
    Map<String, Weight> all = new LinkedHashMap<>();
    for (SafetensorsFile file : files) {
      file.entries().forEach((name, entry) -> all.put(name, new Weight(file.path(), entry)));
    }
    this.weights = Collections.unmodifiableMap(all);
  }

  /**
   * Where a weight lies.
   *
   * @param file that holds it
   * @param entry its place, type and shape there
   */
  public record Weight(Path file, Entry entry) {}

  /**
   * {@return what a folder's {@code config.json} says, also where no weights are there}
   *
   * @param folder that exists
   * @throws InputException if the file is missing, broken or of a kind that is not supported
   */
  public static HuggingFaceConfig config(Path folder) {
    return HuggingFaceConfig.read(folder.resolve(CONFIG));
  }

  /**
   * Opens the folder, reads its config and checks the headers of all its weights.
   *
   * @param folder with {@code config.json} and {@code model.safetensors}, or shards and their index
   * @return the folder; it keeps no file open
   * @throws InputException if the folder, its config or its weights are missing, broken or of a
   *     kind that is not supported
   */
  public static HuggingFaceFolder open(Path folder) {
    if (!Files.exists(folder)) {
      throw new InputException(
          "The checkpoint folder "
              + folder
              + " does not exist; download the model there or correct the path");
    }
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "The checkpoint folder " + folder + " is a file; give the folder that holds config.json");
    }
    HuggingFaceConfig config = HuggingFaceConfig.read(folder.resolve(CONFIG));
    return new HuggingFaceFolder(folder, config, openWeights(folder));
  }

  /** One file goes before an index, as in transformers. */
  private static List<SafetensorsFile> openWeights(Path folder) {
    Path single = folder.resolve(ShardPlan.SINGLE);
    if (Files.exists(single)) {
      return List.of(SafetensorsFile.open(single));
    }
    Path index = folder.resolve(ShardPlan.INDEX);
    if (Files.exists(index)) {
      return ShardIndex.read(index).openShards();
    }
    throw new InputException(
        "The checkpoint folder "
            + folder
            + " has no weights: expected "
            + ShardPlan.SINGLE
            + " or "
            + ShardPlan.INDEX
            + otherWeights(folder));
  }

  private static String otherWeights(Path folder) {
    List<String> other =
        list(folder).stream()
            .map(file -> String.valueOf(file.getFileName()))
            .filter(name -> name.matches(".*\\.(bin|pth|pt|gguf|safetensors)"))
            .toList();
    return other.isEmpty()
        ? "; download them"
        : ", found " + Texts.quoted(other) + "; convert the checkpoint to safetensors";
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new InputException(
          "Cannot read the folder " + folder + ": " + TuneException.reason(e), e);
    }
  }

  /** {@return the folder} */
  public Path path() {
    return path;
  }

  /** {@return what {@code config.json} says, read when the folder was opened} */
  public HuggingFaceConfig config() {
    return config;
  }

  /** The safetensors files, in order of their names. */
  List<SafetensorsFile> files() {
    return files;
  }

  /** {@return every weight by its name, file by file; unmodifiable} */
  public Map<String, Weight> weights() {
    return weights;
  }

  /**
   * The files that belong to the model beside its weights, and to every model made from it: config,
   * generation config, tokenizer, chat template.
   */
  List<Path> sideFiles() {
    return list(path).stream()
        .filter(
            file -> {
              String name = String.valueOf(file.getFileName());
              return SIDE_FILES.contains(name) || name.startsWith("tokenizer");
            })
        .toList();
  }

  /**
   * Copies what belongs to a model beside its weights, and to every model made from it: config,
   * generation config, tokenizer, chat template. Files of the same names are replaced.
   *
   * @param target exists
   * @throws EnvironmentException if one cannot be copied
   */
  public void copySideFiles(Path target) {
    for (Path file : sideFiles()) {
      // As a stream: a copy of a read-only file would be read-only, and could not be changed.
      try (InputStream in = Files.newInputStream(file)) {
        Files.copy(in, target.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw new EnvironmentException(
            "Cannot copy " + file + " to " + target + ": " + TuneException.reason(e), e);
      }
    }
  }
}
