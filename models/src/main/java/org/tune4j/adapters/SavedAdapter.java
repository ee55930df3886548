package org.tune4j.adapters;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.tune4j.InputException;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.Labels;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.checkpoint.Texts;
import org.tune4j.nn.Module;

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
  private static final Pattern TABLE = Pattern.compile("(.*\\.)?(embed_tokens|lm_head)\\.weight");

  private static final String HEAD = Labels.HEAD + ".weight";

  /** What {@code adapter_config.json} calls what an adapter is for. */
  public static final String TASK_TYPE = "task_type";

  /** {@link #TASK_TYPE} of an adapter whose model gives logits of tokens. */
  public static final String TOKENS = "CAUSAL_LM";

  /** {@link #TASK_TYPE} of a classifier's. */
  public static final String LABELS = "SEQ_CLS";

  /** What to do with an adapter of a kind that is not supported. */
  public static final String MERGE =
      "merge the adapter into its base model with PEFT's merge_and_unload and use that model";

  /** Copies the maps. */
  public SavedAdapter {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    baseWeights = Collections.unmodifiableMap(new LinkedHashMap<>(baseWeights));
  }

  /**
   * {@return the adapter of a folder whose tensors are named by linear and parameter, beside copies
   * of saved modules}
   *
   * @param folder of a type
   * @param parameters each linear's, by their names below its path
   * @param saved modules of which there are copies
   * @param config of linears
   * @throws InputException when a tensor has another name, or one is missing
   */
  public static SavedAdapter of(
      PeftAdapter folder,
      List<String> parameters,
      ModulesToSave saved,
      Function<List<String>, AdapterConfig> config) {
    Map<AdapterTensor, Entry> tensors = new LinkedHashMap<>();
    Set<String> linears = new TreeSet<>();
    folder
        .tensors()
        .forEach(
            (name, entry) -> {
              AdapterTensor tensor = tensor(folder, name, parameters, saved);
              tensors.put(tensor, entry);
              if (parameters.contains(tensor.parameter())) {
                linears.add(tensor.module());
              }
            });
    for (String linear : linears) {
      for (String parameter : parameters) {
        if (!tensors.containsKey(new AdapterTensor(linear, parameter))) {
          throw folder.unsound(
              "'%s%s.%s' is missing".formatted(PeftAdapter.PREFIX, linear, parameter));
        }
      }
    }
    return new SavedAdapter(
        folder.path(), folder.file(), config.apply(List.copyOf(linears)), tensors, Map.of());
  }

  private static AdapterTensor tensor(
      PeftAdapter folder, String name, List<String> parameters, ModulesToSave saved) {
    if (name.startsWith(PeftAdapter.PREFIX)) {
      String path = name.substring(PeftAdapter.PREFIX.length());
      for (String parameter : parameters) {
        int end = path.length() - parameter.length() - 1;
        if (end > 0 && path.endsWith("." + parameter)) {
          return new AdapterTensor(path.substring(0, end), parameter);
        }
      }
      Optional<AdapterTensor> copy = saved.parse(path);
      if (copy.isPresent()) {
        return copy.get();
      }
    }
    throw folder.unsound(
        "%s is not named base_model.model.MODULE followed by %s"
            .formatted(Texts.quoted(name), String.join(" or ", parameters)));
  }

  /** {@return the adapted modules by their paths in the base model, sorted} */
  public List<String> modules() {
    TreeSet<String> modules = new TreeSet<>();
    tensors.keySet().forEach(tensor -> modules.add(tensor.module()));
    return List.copyOf(modules);
  }

  /**
   * {@return how many tokens the model has to have, 0 where it does not say: embedding and head of
   * a model whose vocabulary was extended are saved along, whole or by rows}
   */
  public int tokens() {
    int tokens = config.tokens();
    for (Map<String, Entry> own : List.of(named(), baseWeights)) {
      for (Map.Entry<String, Entry> e : own.entrySet()) {
        List<Long> shape = e.getValue().shape();
        if (TABLE.matcher(e.getKey()).matches() && shape.size() == 2) {
          tokens = Math.max(tokens, Math.toIntExact(shape.get(0)));
        }
      }
    }
    return tokens;
  }

  /**
   * {@return the folder with the tokenizer that an adapter with rows of {@link #tokens} brings;
   * empty where it brings none}
   */
  public Optional<Path> tokenizer() {
    Path beside = file.resolveSibling("tokenizer.json");
    return tokens() > 0 && Files.exists(beside)
        ? Optional.ofNullable(beside.getParent())
        : Optional.empty();
  }

  /**
   * {@return whether an adapter is a classifier's}
   *
   * @param config {@code adapter_config.json}
   * @throws InputException when it is of another task than those two
   */
  public static boolean isClassifier(JsonFields config) {
    String task = config.optionalText(TASK_TYPE).orElse(TOKENS);
    if (!task.equals(TOKENS) && !task.equals(LABELS)) {
      throw config.wrong(TASK_TYPE, "\"%s\" or \"%s\"".formatted(TOKENS, LABELS));
    }
    return task.equals(LABELS);
  }

  /**
   * {@return the labels of the head that it brings; empty where it brings none} They have the names
   * of a {@code config.json} beside it.
   */
  public List<String> labels() {
    return tensors.entrySet().stream()
        .filter(e -> TrainedCopy.original(e.getKey().name()).equals(HEAD))
        .findFirst()
        .map(e -> Labels.numbered(Math.toIntExact(e.getValue().shape().get(0))))
        .map(this::named)
        .orElse(List.of());
  }

  private List<String> named(List<String> numbered) {
    Path beside = file.resolveSibling("config.json");
    return Optional.of(beside)
        .filter(Files::exists)
        .flatMap(path -> Labels.of(JsonFields.read(path)))
        .map(Labels::names)
        .filter(names -> names.size() == numbered.size())
        .orElse(numbered);
  }

  private Map<String, Entry> named() {
    Map<String, Entry> named = new LinkedHashMap<>();
    tensors.forEach((tensor, entry) -> named.put(TrainedCopy.original(tensor.name()), entry));
    return named;
  }

  /**
   * Checks that a model has what it adapts.
   *
   * @param model without adapters or with
   * @throws InputException naming one that the model lacks
   */
  public void requireModules(Module model) {
    Set<String> all = Adapters.adaptable(model).keySet();
    for (String module : modules()) {
      if (!all.contains(module)) {
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
   * @param model without adapters or with
   * @throws InputException naming a linear that only one of them adapts
   */
  public void requireTargets(TargetModules asked, Module model) {
    requireModules(model);
    List<String> targets = modules().stream().filter(config.targets()::matches).toList();
    for (String module : targets) {
      if (!asked.matches(module)) {
        throw wrong(
            "the adapter adapts '%s', the model does not; name it in the model's target_modules or lora_attn_modules"
                .formatted(module));
      }
    }
    Set<String> own = targets.stream().map(TargetModules::lastName).collect(Collectors.toSet());
    for (String module : Adapters.linears(model).keySet()) {
      if (asked.matches(module) && !own.contains(TargetModules.lastName(module))) {
        throw wrong(
            "the model adapts '%s', the adapter does not; leave it out of the model's targets"
                .formatted(TargetModules.lastName(module)));
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
