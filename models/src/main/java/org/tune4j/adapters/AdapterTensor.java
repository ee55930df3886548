package org.tune4j.adapters;

/**
 * A tensor of a saved adapter.
 *
 * @param module path of the adapted linear in the base model, such as {@code lm_head}
 * @param parameter its name below that path, such as {@code lora_A.weight}
 */
public record AdapterTensor(String module, String parameter) {
  /** {@return its full name in an adapted model} */
  public String name() {
    return module + "." + parameter;
  }
}
