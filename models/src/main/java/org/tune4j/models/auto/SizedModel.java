package org.tune4j.models.auto;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.tune4j.UsageException;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.component.Component;
import org.tune4j.component.Inline;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;

/**
 * The builders of a published model, whose sizes are known without its folder. They are the fields
 * of its {@code config.json}, in a resource beside the family's class, {@code MODEL_TYPE.json}, by
 * torchtune's names of the plain builders.
 */
public final class SizedModel {
  private final String name;
  private final ModelFamily family;
  private final JsonFields fields;

  private SizedModel(String name, ModelFamily family, JsonFields fields) {
    this.name = name;
    this.family = family;
    this.fields = fields;
  }

  /**
   * {@return those of a family by torchtune's names, as a {@link
   * org.tune4j.component.ComponentProvider} gives them}
   *
   * @param family with or without a resource
   */
  public static Map<String, SizedModel> of(ModelFamily family) {
    Map<String, SizedModel> all = new LinkedHashMap<>();
    for (String type : family.modelTypes()) {
      JsonFields sizes = JsonFields.resource(family.getClass(), type + ".json");
      for (String dotted : sizes.toMap().keySet()) {
        String name = dotted.substring(dotted.lastIndexOf('.') + 1);
        all.put(dotted, new SizedModel(name, family, sizes.object(dotted)));
      }
    }
    return all;
  }

  /** {@return those of all families on the class path} */
  static Map<String, SizedModel> all() {
    Map<String, SizedModel> all = new LinkedHashMap<>();
    ModelRegistry.installed().families().forEach(family -> all.putAll(of(family)));
    return all;
  }

  /**
   * {@return that of a name}
   *
   * @param name of its plain builder, such as {@code llama2_7b}
   * @throws UsageException when there is none
   */
  public static SizedModel named(String name) {
    Map<String, SizedModel> byName = new TreeMap<>();
    all().values().forEach(m -> byName.put(m.name, m));
    SizedModel found = byName.get(name);
    if (found == null) {
      throw new UsageException(
          "model '%s' is not known; there are %s"
              .formatted(name, String.join(", ", byName.keySet())));
    }
    return found;
  }

  /** {@return its sizes} */
  public ModelConfig config() {
    return family.read(fields);
  }

  /** {@return the model, all of it trainable} */
  @Component("*")
  public ModelSpec base() {
    return ModelSpec.base(name, config());
  }

  /**
   * {@return the model, frozen, with LoRA's adapters}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("lora_*")
  public ModelSpec lora(@Inline LoraArguments lora) {
    return ModelSpec.adapted("lora_" + name, config(), lora.config())
        .quantised(lora.quantisation());
  }

  /**
   * {@return the same with the linear layers' weights in NF4 (Dettmers et al. 2023), unless another
   * type is asked for}
   *
   * @param lora which linears are adapted, and how
   */
  @Component("qlora_*")
  public ModelSpec qlora(@Inline LoraArguments lora) {
    return ModelSpec.adapted("qlora_" + name, config(), lora.config())
        .quantised(lora.quantisation().orNf4());
  }
}
