package org.tune4j.adapters;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.JsonFields;

/**
 * The modules beside the adapted ones of which a copy is trained and saved whole, as PEFT's {@code
 * modules_to_save}: embeddings and linears. The base stays as it is.
 *
 * @param names of the modules, each a path or an end of it
 * @param tied whether a tied head shares the copy of its embedding, as PEFT's {@code
 *     ensure_weight_tying}
 */
public record ModulesToSave(List<String> names, boolean tied) {
  /** No module. */
  public static final ModulesToSave NONE = new ModulesToSave(List.of(), false);

  /** PEFT names it with {@code score}: the heads of classifiers of other families. */
  private static final String OTHER_HEAD = "classifier";

  /** Copies the list. */
  public ModulesToSave {
    names = List.copyOf(names);
  }

  /**
   * {@return those that a saved adapter's config names}
   *
   * @param json {@code adapter_config.json}
   * @throws org.tune4j.InputException when it has no list of names
   */
  public static ModulesToSave read(JsonFields json) {
    Object value = json.toMap().get("modules_to_save");
    boolean listed =
        value == null
            || (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance));
    if (!listed) {
      throw json.wrong("modules_to_save", "a list of names such as [\"embed_tokens\",\"lm_head\"]");
    }
    List<String> names =
        value == null
            ? List.of()
            : ((List<?>) value)
                .stream()
                    .map(String.class::cast)
                    .filter(name -> !name.equals(OTHER_HEAD) || !SavedAdapter.isClassifier(json))
                    .toList();
    return new ModulesToSave(names, json.flag("ensure_weight_tying", false));
  }

  /**
   * {@return these and another; itself where it is one of them}
   *
   * @param module its name
   */
  public ModulesToSave with(String module) {
    return matches(module)
        ? this
        : new ModulesToSave(Stream.concat(names.stream(), Stream.of(module)).toList(), tied);
  }

  /**
   * {@return whether a module is one of them}
   *
   * @param path in the model
   */
  public boolean matches(String path) {
    return TargetModules.of(names).matches(path);
  }

  /**
   * {@return what a name in an adapter's file stands for; empty where it is none of a saved module}
   *
   * @param path the name without PEFT's prefix, such as {@code lm_head.weight}
   */
  public Optional<AdapterTensor> parse(String path) {
    int end = path.lastIndexOf('.');
    // A tied head is saved beside its embedding, and not named.
    boolean saved = end > 0 && (matches(path.substring(0, end)) || (tied && !names.isEmpty()));
    return saved
        ? Optional.of(
            new AdapterTensor(
                path.substring(0, end), TrainedCopy.NAME + "." + path.substring(end + 1)))
        : Optional.empty();
  }

  /** Checks that a model has them. */
  void requireIn(Collection<String> modules) {
    for (String name : names) {
      if (modules.stream().noneMatch(TargetModules.of(List.of(name))::matches)) {
        throw new UsageException(
            "modules_to_save names '%s', which is no embedding and no linear of the model; name embed_tokens, lm_head or a linear"
                .formatted(name));
      }
    }
  }
}
