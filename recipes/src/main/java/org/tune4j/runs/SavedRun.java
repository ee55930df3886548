package org.tune4j.runs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpointing.TensorFiles;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Tensor;

/**
 * A checkpoint of a run: the weights beside {@code state.json} and {@code optimizer.safetensors}.
 *
 * @param folder that holds it, whole
 * @param state where the run stood
 * @param updates that the optimiser had made
 * @param numbers that it kept
 * @param identity what the run was
 */
public record SavedRun(
    Path folder, RunState state, long updates, Map<String, Double> numbers, RunIdentity identity) {
  static final String STATE = "state.json";

  /** The file of the optimiser's state. */
  public static final String OPTIMIZER = "optimizer.safetensors";

  private static final int VERSION = 2;
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Reads a checkpoint's state.
   *
   * @throws InputException when it is another version's or not what this class writes
   */
  static SavedRun read(Path folder) {
    Path file = folder.resolve(STATE);
    try {
      JsonNode json = JSON.readTree(file.toFile());
      if (json.path("version").asInt() != VERSION) {
        throw new InputException(
            "%s is of version %s, expected %d; resume with the Tune4J that wrote it"
                .formatted(file, json.path("version").asText("none"), VERSION));
      }
      JsonNode best = json.path("best_val_loss");
      RunState state =
          new RunState(
              json.path("step").asLong(),
              json.path("epoch").asInt(),
              json.path("epoch_step").asLong(),
              best.isNumber() ? best.asDouble() : null,
              json.path("validations_since_best").asInt());
      Map<String, String> settings = new LinkedHashMap<>();
      json.path("settings")
          .properties()
          .forEach(e -> settings.put(e.getKey(), e.getValue().asText()));
      return new SavedRun(
          folder,
          state,
          json.path("updates").asLong(),
          numbers(json.path("optimizer")),
          new RunIdentity(
              settings,
              json.path("base").asText(),
              json.path("data").asText(),
              json.path("row_threads").asInt()));
    } catch (JsonProcessingException e) {
      throw new InputException("%s is not JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static Map<String, Double> numbers(JsonNode json) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    json.properties().forEach(e -> numbers.put(e.getKey(), e.getValue().asDouble()));
    return numbers;
  }

  /** Writes {@code state.json}. */
  static void write(Path folder, RunState state, TrainedState trained, RunIdentity identity)
      throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("version", VERSION);
    json.put("step", state.step());
    json.put("epoch", state.epoch());
    json.put("epoch_step", state.epochStep());
    @Nullable Double best = state.bestValLoss();
    json.put("best_val_loss", best);
    json.put("validations_since_best", state.validationsSinceBest());
    json.put("updates", trained.updates());
    ObjectNode numbers = json.putObject("optimizer");
    new TreeMap<>(trained.numbers()).forEach((name, n) -> numbers.put(name, n));
    json.put("row_threads", identity.rowThreads());
    json.put("base", identity.base());
    json.put("data", identity.data());
    ObjectNode settings = json.putObject("settings");
    identity.settings().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(e -> settings.put(e.getKey(), e.getValue()));
    Files.writeString(
        folder.resolve(STATE), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json));
  }

  /**
   * Puts an optimiser where it was.
   *
   * @param optimizer whose state is overwritten
   * @param names of its parameters, in its order
   * @throws InputException when the file is broken or another optimiser's
   */
  public void restore(Optimizer optimizer, List<String> names) {
    Path file = folder.resolve(OPTIMIZER);
    SafetensorsFile stored = SafetensorsFile.open(file);
    optimizerTensors(optimizer, names)
        .forEach((name, tensor) -> TensorFiles.readInto(tensor, file, stored.entry(name)));
    restoreCounts(optimizer);
  }

  /**
   * Puts an optimiser's numbers where they were, but none of its tensors.
   *
   * @param optimizer that counts on from there
   */
  public void restoreCounts(Optimizer optimizer) {
    optimizer.setUpdates(updates);
    optimizer.setNumbers(numbers);
  }

  /**
   * {@return an optimiser's tensors by kind and parameter, such as {@code exp_avg.NAME}; not
   * copied}
   *
   * @param optimizer whose state they are
   * @param names of its parameters, in its order
   */
  public static Map<String, Tensor> optimizerTensors(Optimizer optimizer, List<String> names) {
    Map<String, Tensor> all = new TreeMap<>();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      optimizer.state(i).forEach((kind, t) -> all.put(kind + "." + name, t));
    }
    return all;
  }
}
