package org.tune4j.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * An adapter's folder as PEFT lays it out, of whatever type: {@code adapter_config.json} beside
 * {@code adapter_model.safetensors}. What they mean is for the adapter's type.
 *
 * @param path as the user gave it
 * @param config what {@code adapter_config.json} says
 * @param file that holds the tensors
 * @param tensors by the names that PEFT gives them today, in the order of the file
 */
public record PeftAdapter(Path path, JsonFields config, Path file, Map<String, Entry> tensors) {
  /** The name of the tensors' file. */
  public static final String FILE = "adapter_model.safetensors";

  /** The name of the config's file. */
  public static final String CONFIG = "adapter_config.json";

  /** What precedes a module's path in the name of a tensor. */
  public static final String PREFIX = "base_model.model.";

  private static final String BASE = "base_model_name_or_path";

  /** Copies the map. */
  public PeftAdapter {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
  }

  /**
   * Opens an adapter.
   *
   * @param path an adapter's folder, or its safetensors file with the config beside it
   * @return the adapter; the tensors' bytes are still in the file
   * @throws InputException if a file is missing or broken, or there are no tensors
   */
  public static PeftAdapter open(Path path) {
    if (!Files.exists(path)) {
      throw new InputException(
          "the adapter %s does not exist; give its folder or its %s as adapter_checkpoint"
              .formatted(path, FILE));
    }
    Path file = Files.isDirectory(path) ? weightsIn(path) : path;
    Path config = file.resolveSibling(CONFIG);
    if (!Files.exists(config)) {
      throw new InputException(
          "%s does not exist; an adapter is %s with %s beside".formatted(config, FILE, CONFIG));
    }
    JsonFields json = JsonFields.read(config);
    Map<String, Entry> tensors = new LinkedHashMap<>();
    SafetensorsFile.open(file)
        .entries()
        .forEach((name, entry) -> tensors.put(moduleName(name), entry));
    PeftAdapter adapter = new PeftAdapter(path, json, file, tensors);
    if (adapter.tensors.isEmpty()) {
      throw adapter.unsound("it holds no tensors");
    }
    return adapter;
  }

  private static String moduleName(String name) {
    return name.startsWith(PREFIX)
        ? PREFIX + TextModel.name(name.substring(PREFIX.length()))
        : name;
  }

  private static Path weightsIn(Path folder) {
    Path file = folder.resolve(FILE);
    if (Files.exists(file)) {
      return file;
    }
    List<String> inside = adaptersIn(folder);
    if (!inside.isEmpty()) {
      throw new InputException(
          folder
              + " is a run's folder, not an adapter's; give one of "
              + String.join(", ", inside));
    }
    boolean pickled = Files.exists(folder.resolve("adapter_model.bin"));
    throw new InputException(
        "the adapter folder "
            + folder
            + " has no "
            + FILE
            + (pickled
                ? ", only adapter_model.bin; save it with safe_serialization=True"
                : "; give the folder that PEFT's save_pretrained wrote"));
  }

  /** The folders below that hold an adapter: a run's {@code best} and {@code epoch_N}. */
  private static List<String> adaptersIn(Path run) {
    try (Stream<Path> below = Files.list(run)) {
      return below
          .filter(folder -> Files.exists(folder.resolve(FILE)))
          .map(Path::toString)
          .sorted(Comparator.comparing(String::length).thenComparing(Comparator.naturalOrder()))
          .toList();
    } catch (IOException e) {
      throw new InputException("cannot read " + run + ": " + TuneException.reason(e), e);
    }
  }

  /** {@return name or path of the base model; empty if unsaid} */
  public String baseModel() {
    return config.optionalText(BASE).orElse("");
  }

  /**
   * {@return the error of an adapter that contradicts itself}
   *
   * @param why what is wrong
   */
  public InputException unsound(String why) {
    return new InputException(
        "the adapter %s is not valid: %s; save it again with PEFT".formatted(file, why));
  }

  /**
   * Writes an adapter.
   *
   * @param folder exists; files of these names are replaced
   * @param fields of the config, as plain values
   * @param baseModel name or path of the base model
   * @param tensors by their names in the file
   * @throws org.tune4j.EnvironmentException if they cannot be written
   */
  public static void write(
      Path folder,
      Map<String, Object> fields,
      String baseModel,
      Map<String, StoredTensor> tensors) {
    List<StoredTensor> named =
        tensors.entrySet().stream().map(t -> t.getValue().named(t.getKey())).toList();
    SafetensorsWriter.write(folder.resolve(FILE), named);
    // In order of the names, as PEFT writes them.
    Map<String, Object> sorted = new TreeMap<>(fields);
    sorted.put(BASE, baseModel);
    ObjectNode json = JsonFields.MAPPER.valueToTree(sorted);
    AtomicFile.write(folder.resolve(CONFIG), ShardPlan.pretty(json));
  }
}
