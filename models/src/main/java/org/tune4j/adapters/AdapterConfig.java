package org.tune4j.adapters;

import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.EmbeddingAdapter;
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.ExpertsAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Module;
import org.tune4j.tensor.Engine;

/** How a model is adapted: which modules, and by what. Immutable. */
public interface AdapterConfig {
  /** {@return the type that reads what is saved of it} */
  AdapterType type();

  /** {@return the linears that are adapted} */
  TargetModules targets();

  /**
   * {@return a weighted sum of adapters of this type}
   *
   * @param engine that computes it
   * @param type how its factors come about
   * @param parts one or more, of which the first has this config
   * @param rank of an svd; null for the largest of the parts
   * @throws InputException when an adapter has no such sum, by default always
   * @throws UsageException when ranks do not fit the type
   */
  default AdapterSum sum(
      Engine engine, AdapterSum.Type type, List<AdapterSum.Part> parts, @Nullable Integer rank) {
    throw parts
        .get(0)
        .adapter()
        .wrong("its type has no weighted sum; merge it into the model with tune merge");
  }

  /**
   * {@return the same for one model, whose adapters may share parameters; by default this}
   *
   * @param linears that are adapted
   */
  default AdapterConfig over(Collection<Linear> linears) {
    return this;
  }

  /**
   * {@return the adapter of one linear, without storage}
   *
   * @param path of the linear in the model
   * @param linear one of the {@link #targets}
   */
  LinearAdapter create(String path, Linear linear);

  /**
   * {@return the adapter of an embedding, without storage; empty where it stays as it is, as by
   * default}
   *
   * @param path of the embedding in the model
   * @param embedding none of the {@link #modulesToSave}
   */
  default Optional<EmbeddingAdapter> create(String path, Embedding embedding) {
    return Optional.empty();
  }

  /**
   * {@return the adapter of a layer's experts, without storage; empty where they stay as they are,
   * as by default}
   *
   * @param path of the experts in the model
   * @param experts of one layer
   */
  default Optional<ExpertsAdapter> create(String path, Experts experts) {
    return Optional.empty();
  }

  /**
   * {@return what trains rows of a linear that is none of the {@link #targets}, without storage;
   * empty where none are, as by default}
   *
   * @param path of the linear in the model
   * @param linear none of the {@link #modulesToSave}
   */
  default Optional<LinearAdapter> trainedRows(String path, Linear linear) {
    return Optional.empty();
  }

  /**
   * {@return the same that also trains the rows of some tokens}
   *
   * @param tokens their ids
   * @param tables names of the embedding, and of a head that is not tied; those that are not
   *     trained otherwise
   * @throws UsageException where this kind of adapter cannot, as by default
   */
  default AdapterConfig withTokens(List<Integer> tokens, List<String> tables) {
    if (tables.isEmpty()) {
      return this;
    }
    throw new UsageException(
        "tokenizer.added_tokens adds rows that this kind of adapter does not train; name %s in modules_to_save, or train LoRA"
            .formatted(String.join(" and ", tables)));
  }

  /**
   * {@return the same that also trains a copy of a module; itself where it does}
   *
   * @param module its name
   * @throws UsageException where this kind of adapter cannot, as by default
   */
  default AdapterConfig saving(String module) {
    if (modulesToSave().matches(module)) {
      return this;
    }
    throw new UsageException(
        "this kind of adapter does not train '%s'; name it in modules_to_save, or train LoRA"
            .formatted(module));
  }

  /** {@return how many tokens the model has to have for it, as far as it says; by default 0} */
  default int tokens() {
    return 0;
  }

  /** {@return the modules of which a copy is trained and saved along; by default none} */
  default ModulesToSave modulesToSave() {
    return ModulesToSave.NONE;
  }

  /**
   * {@return the fields of {@code adapter_config.json} besides {@code base_model_name_or_path}, as
   * plain values; null where PEFT writes null}
   *
   * @param targetModules the adapted linears: names where all of a name are adapted, else paths
   */
  Map<String, Object> peftFields(List<String> targetModules);

  /**
   * {@return how a finished adapter is saved; by default as it is trained} Checkpoints that a run
   * goes on from are as it is trained.
   */
  default AdapterConfig finished() {
    return this;
  }

  /**
   * Checks that training can begin, before anything is read.
   *
   * @param checkpoint a saved adapter to start from; null for none
   * @throws UsageException when it needs one and there is none
   */
  default void requireStart(@Nullable Path checkpoint) {}

  /**
   * {@return how training goes on from a saved adapter}
   *
   * @param checkpoint its folder or its safetensors file
   * @param model without adapters
   * @throws InputException when it is broken or of another type, or naming what differs
   */
  default AdapterConfig resume(Path checkpoint, Module model) {
    return resume(type().open(checkpoint), model);
  }

  /**
   * How training goes on from a saved adapter. Its tensors decide which layers are adapted; this
   * must ask for the same modules.
   *
   * @param saved of the same type
   * @param model without adapters
   * @return the saved adapter's, with what only training needs from this
   * @throws InputException naming what differs
   */
  default AdapterConfig resume(SavedAdapter saved, Module model) {
    saved.requireTargets(targets(), model);
    return saved.config();
  }
}
