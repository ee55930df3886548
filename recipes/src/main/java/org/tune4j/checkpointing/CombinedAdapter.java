package org.tune4j.checkpointing;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterSum;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.models.ModelRegistry;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** What several PEFT adapters of one model become as a weighted sum. */
public final class CombinedAdapter {
  private CombinedAdapter() {}

  /**
   * Writes the sum as an adapter's folder. It appears whole or not at all.
   *
   * @param engine that computes it
   * @param registry knows the adapters' types
   * @param weights of the adapters, by their folders or safetensors files
   * @param type how its factors come about
   * @param rank of an svd; null for the largest of the adapters
   * @param output a folder that does not exist yet, or is empty
   * @throws UsageException when {@code output} holds something, or ranks do not fit the type
   * @throws InputException when an adapter is broken, has no sum, or is another model's
   * @throws org.tune4j.EnvironmentException when the folder cannot be written
   */
  public static void write(
      Engine engine,
      ModelRegistry registry,
      Map<Path, Double> weights,
      AdapterSum.Type type,
      @Nullable Integer rank,
      Path output) {
    MergedModel.requireEmpty(output);
    List<AdapterSum.Part> parts =
        weights.entrySet().stream()
            .map(
                e -> {
                  SavedAdapter saved = registry.open(e.getKey());
                  return new AdapterSum.Part(
                      saved, e.getValue(), entry -> TensorFiles.read(engine, saved.file(), entry));
                })
            .toList();
    AdapterSum sum = parts.get(0).adapter().config().sum(engine, type, parts, rank);
    PeftAdapter first = PeftAdapter.open(weights.keySet().iterator().next());
    try (TensorScope scope = engine.openScope()) {
      Map<String, StoredTensor> tensors = new LinkedHashMap<>();
      TensorWriter writer = new TensorWriter();
      sum.tensors()
          .forEach(
              (name, t) ->
                  tensors.put(
                      PeftAdapter.PREFIX + name, writer.stored(PeftAdapter.PREFIX + name, t)));
      AtomicFolder.write(
          output,
          target ->
              PeftAdapter.write(
                  target, sum.config().peftFields(sum.modules()), first.baseModel(), tensors));
    }
  }
}
