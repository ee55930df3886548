package org.tune4j.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.tune4j.InputException;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.HuggingFaceConfig;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.checkpoint.PeftAdapter;

/** The families by {@code model_type} and the adapters' types by {@code peft_type}. Immutable. */
public final class ModelRegistry implements ModelReader {
  private static final String TYPE = "model_type";

  private final Map<String, ModelFamily> families = new TreeMap<>();
  private final Map<String, AdapterType> adapters = new TreeMap<>();

  /**
   * Of these, the first of a name first.
   *
   * @param families by {@code model_type}
   * @param adapters by {@code peft_type}
   */
  public ModelRegistry(List<ModelFamily> families, List<AdapterType> adapters) {
    families.forEach(f -> f.modelTypes().forEach(type -> this.families.putIfAbsent(type, f)));
    adapters.forEach(a -> this.adapters.putIfAbsent(a.peftType(), a));
  }

  /** {@return what is on the class path, plugins not among it} */
  public static ModelRegistry installed() {
    return new ModelRegistry(
        ServiceLoader.load(ModelFamily.class).stream().map(ServiceLoader.Provider::get).toList(),
        ServiceLoader.load(AdapterType.class).stream().map(ServiceLoader.Provider::get).toList());
  }

  /** {@return the families} */
  public Set<ModelFamily> families() {
    return new LinkedHashSet<>(families.values());
  }

  /** {@return the types of adapters} */
  public Set<AdapterType> adapters() {
    return new LinkedHashSet<>(adapters.values());
  }

  /**
   * {@return these and others; names of these stay theirs}
   *
   * @param families a plugin's
   * @param adapters a plugin's
   */
  public ModelRegistry with(List<ModelFamily> families, List<AdapterType> adapters) {
    List<ModelFamily> allFamilies = new ArrayList<>(this.families.values());
    allFamilies.addAll(families);
    List<AdapterType> allAdapters = new ArrayList<>(this.adapters.values());
    allAdapters.addAll(adapters);
    return new ModelRegistry(allFamilies, allAdapters);
  }

  @Override
  public ModelConfig read(JsonFields config) {
    String type = config.text(TYPE);
    ModelFamily family = families.get(type);
    if (family != null) {
      return family.read(config);
    }
    Map<String, ModelFamily> inside = new TreeMap<>(families);
    inside.values().removeIf(f -> !f.imageModelTypes().contains(type));
    if (inside.isEmpty()) {
      Set<String> known = new TreeSet<>(families.keySet());
      families.values().forEach(f -> known.addAll(f.imageModelTypes()));
      throw config.wrong(TYPE, oneOf(known) + "; no other family is supported");
    }
    JsonFields text = HuggingFaceConfig.text(config);
    ModelFamily own =
        inside.size() == 1 && !text.has(TYPE)
            ? inside.values().iterator().next()
            : inside.get(text.text(TYPE));
    if (own == null) {
      throw text.wrong(
          TYPE, "%s in an image model of type \"%s\"".formatted(oneOf(inside.keySet()), type));
    }
    return own.read(text);
  }

  /**
   * {@return an adapter that PEFT or a run saved, checked in itself}
   *
   * @param path its folder or its safetensors file
   * @throws InputException when a file is missing or broken, no type is its own, or it is not sound
   */
  public SavedAdapter open(Path path) {
    PeftAdapter folder = PeftAdapter.open(path);
    AdapterType type = adapters.get(folder.config().text("peft_type"));
    if (type == null) {
      throw folder
          .config()
          .wrong(
              "peft_type",
              oneOf(adapters.keySet()) + "; no other adapter is supported, " + SavedAdapter.MERGE);
    }
    return type.read(folder);
  }

  private static String oneOf(Set<String> known) {
    List<String> names = new TreeSet<>(known).stream().map("\"%s\""::formatted).toList();
    return names.size() < 2
        ? String.join("", names)
        : String.join(", ", names.subList(0, names.size() - 1))
            + " or "
            + names.get(names.size() - 1);
  }
}
