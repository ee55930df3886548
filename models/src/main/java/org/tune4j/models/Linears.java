package org.tune4j.models;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;

/**
 * Makes the linears of one module of a decoder: plain and trainable where there is no LoRA, else
 * frozen, with adapters where the config asks for them.
 *
 * @param path of the module, with a dot at its end; empty for the decoder itself
 */
record Linears(@Nullable LoraConfig lora, DType dtype, String path) {
  /** Those of a module below. */
  Linears in(String name) {
    return new Linears(lora, dtype, path + name + ".");
  }

  boolean baseTrainable() {
    return lora == null;
  }

  Linear linear(String name, long in, long out) {
    return linear(name, weight(in, out));
  }

  /** One over a weight that another module may hold too, as a tied head does. */
  Linear linear(String name, Parameter weight) {
    LoraConfig own = lora == null ? null : lora.at(path + name).orElse(null);
    return own == null ? new Linear(weight) : new LoraLinear(weight, own);
  }

  Parameter weight(long in, long out) {
    return new Parameter("weight", Shape.of(out, in), dtype, baseTrainable());
  }
}
