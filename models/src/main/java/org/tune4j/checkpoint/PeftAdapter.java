package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.PeftNames.AdapterTensor;
import org.tune4j.checkpoint.PeftNames.Part;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A PEFT adapter on disk, checked in itself: every tensor is named as PEFT does and belongs to a
 * target module where these are listed, every module has all its parts, every rank is the config's.
 * Whether it fits a model is for whoever knows the model.
 *
 * @param config what {@code adapter_config.json} says
 * @param file that holds the tensors
 * @param tensors by what they are, in the order of the file
 * @param baseWeights weights of the base model that were saved along, such as {@code
 *     lm_head.weight}, by their names there
 */
public record PeftAdapter(
    PeftAdapterConfig config,
    Path file,
    Map<AdapterTensor, Entry> tensors,
    Map<String, Entry> baseWeights) {
  /** The name of the tensors' file. */
  public static final String FILE = "adapter_model.safetensors";

  /**
   * Copies the maps.
   *
   * @param config what {@code adapter_config.json} says
   * @param file that holds the tensors
   * @param tensors by what they are
   * @param baseWeights by their names in the base model
   */
  public PeftAdapter {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    baseWeights = Collections.unmodifiableMap(new LinkedHashMap<>(baseWeights));
  }

  /**
   * Opens an adapter.
   *
   * @param path an adapter's folder, or its safetensors file with the config beside it
   * @return the adapter; the tensors' bytes are still in the file
   * @throws InputException if a file is missing or broken, or the two contradict each other
   */
  public static PeftAdapter open(Path path) {
    if (!Files.exists(path)) {
      throw new InputException(
          "The adapter "
              + path
              + " does not exist; give its folder or its "
              + FILE
              + " as adapter_checkpoint");
    }
    Path file = Files.isDirectory(path) ? weightsIn(path) : path;
    PeftAdapterConfig config = PeftAdapterConfig.read(file.resolveSibling(PeftAdapterConfig.FILE));
    Map<AdapterTensor, Entry> tensors = new LinkedHashMap<>();
    Map<String, Entry> baseWeights = new LinkedHashMap<>();
    for (Entry entry : SafetensorsFile.open(file).entries().values()) {
      Optional<String> base = PeftNames.baseWeight(entry.name());
      Object twice =
          base.isPresent()
              ? baseWeights.put(base.get(), entry)
              : tensors.put(named(file, entry.name()), entry);
      if (twice != null) {
        throw wrong(file, Texts.quoted(entry.name()) + " is there twice");
      }
    }
    PeftAdapter adapter = new PeftAdapter(config, file, tensors, baseWeights);
    adapter.check();
    return adapter;
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
        "The adapter folder "
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
      throw new InputException("Cannot read " + run + ": " + TuneException.reason(e), e);
    }
  }

  private static AdapterTensor named(Path file, String name) {
    try {
      return PeftNames.parse(name);
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  /** {@return the adapted modules by their paths in the base model, sorted} */
  public List<String> modules() {
    TreeSet<String> modules = new TreeSet<>();
    tensors.keySet().forEach(tensor -> modules.add(tensor.module()));
    return List.copyOf(modules);
  }

  private void check() {
    if (tensors.isEmpty()) {
      throw wrong(file, "it holds no tensors");
    }
    tensors.forEach(this::checkTensor);
    for (String module : modules()) {
      for (Part part : Part.values()) {
        AdapterTensor tensor = new AdapterTensor(module, part);
        boolean wanted = part != Part.MAGNITUDE || config.useDora();
        if (wanted && !tensors.containsKey(tensor)) {
          throw wrong(file, Texts.quoted(tensor.peftName()) + " is missing");
        }
      }
    }
  }

  private void checkTensor(AdapterTensor tensor, Entry entry) {
    String name = Texts.quoted(entry.name());
    if (!config.targets(tensor.module())) {
      throw wrong(file, name + " is of none of the target modules " + config.targetModules());
    }
    if (tensor.part() == Part.MAGNITUDE && !config.useDora()) {
      throw wrong(file, name + " is a DoRA magnitude, but the config says use_dora false");
    }
    List<Long> shape = entry.shape();
    int rank = config.rank(tensor.module());
    boolean fits =
        switch (tensor.part()) {
          case LORA_A -> shape.size() == 2 && shape.get(0) == rank;
          case LORA_B -> shape.size() == 2 && shape.get(1) == rank;
          case MAGNITUDE -> shape.size() == 1;
        };
    if (!fits) {
      String expected =
          switch (tensor.part()) {
            case LORA_A -> "[" + rank + ", in]";
            case LORA_B -> "[out, " + rank + "]";
            case MAGNITUDE -> "[out]";
          };
      throw wrong(file, name + " has the shape " + shape + ", expected " + expected);
    }
  }

  private static InputException wrong(Path file, String why) {
    return new InputException(
        "The adapter " + file + " is not sound: " + why + "; save it again with PEFT");
  }
}
