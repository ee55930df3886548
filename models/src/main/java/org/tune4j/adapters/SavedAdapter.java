package org.tune4j.adapters;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A PEFT adapter on disk. Its tensors' names say which linears it adapts.
 *
 * @param path as the user gave it
 * @param file that holds the tensors
 * @param config how it adapts them
 * @param tensors by what they are, in the order of the file
 * @param baseWeights weights of the base model that were saved along, by their names there
 */
public record SavedAdapter(
    Path path,
    Path file,
    AdapterConfig config,
    Map<AdapterTensor, Entry> tensors,
    Map<String, Entry> baseWeights) {
  /** What to do with an adapter of a kind that is not supported. */
  public static final String MERGE =
      "merge the adapter into its base model with PEFT's merge_and_unload and use that model";

  /** Copies the maps. */
  public SavedAdapter {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    baseWeights = Collections.unmodifiableMap(new LinkedHashMap<>(baseWeights));
  }

  /** {@return the adapted linears by their paths in the base model, sorted} */
  public List<String> modules() {
    TreeSet<String> modules = new TreeSet<>();
    tensors.keySet().forEach(tensor -> modules.add(tensor.module()));
    return List.copyOf(modules);
  }

  /**
   * Checks that a model has what it adapts.
   *
   * @param linears paths of all the model's linears
   * @throws InputException naming a linear that the model lacks
   */
  public void requireLinears(Collection<String> linears) {
    for (String module : modules()) {
      if (!linears.contains(module)) {
        throw wrong(
            "the adapter adapts '%s', which the model does not have; it was made for another model"
                .formatted(module));
      }
    }
  }

  /**
   * Compares what it adapts with what a run asks for, by the linears' last names.
   *
   * @param asked the run's targets
   * @param linears paths of all the model's linears
   * @throws InputException naming a linear that only one of them adapts
   */
  public void requireTargets(TargetModules asked, Collection<String> linears) {
    requireLinears(linears);
    for (String module : modules()) {
      if (!asked.matches(module)) {
        throw wrong(
            "the adapter adapts '%s', the model does not; name it in the model's target_modules or lora_attn_modules"
                .formatted(module));
      }
    }
    Set<String> own = modules().stream().map(TargetModules::lastName).collect(Collectors.toSet());
    for (String linear : linears) {
      if (asked.matches(linear) && !own.contains(TargetModules.lastName(linear))) {
        throw wrong(
            "the model adapts '%s', the adapter does not; leave it out of the model's targets"
                .formatted(TargetModules.lastName(linear)));
      }
    }
  }

  /**
   * {@return the error of this adapter}
   *
   * @param why what is wrong, and the fix
   */
  public InputException wrong(String why) {
    return new InputException("adapter %s: %s".formatted(path, why));
  }
}
