package org.tune4j.models;

import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;

/**
 * Makes a decoder's linears: plain and trainable where there is no LoRA, else frozen, with adapters
 * where the config asks for them.
 */
record Linears(@Nullable LoraConfig lora, DType dtype) {
  boolean baseTrainable() {
    return lora == null;
  }

  Linear attention(AttnModule which, long in, long out) {
    return linear(lora != null && lora.attnModules().contains(which), in, out);
  }

  Linear mlp(long in, long out) {
    return linear(lora != null && lora.applyToMlp(), in, out);
  }

  /** The head over a weight of its own, or over the embedding's where it is tied. */
  Linear output(Parameter weight) {
    return lora != null && lora.applyToOutput() ? new LoraLinear(weight, lora) : new Linear(weight);
  }

  Parameter weight(long in, long out) {
    return new Parameter("weight", Shape.of(out, in), dtype, baseTrainable());
  }

  private Linear linear(boolean adapted, long in, long out) {
    return adapted && lora != null
        ? new LoraLinear(weight(in, out), lora)
        : new Linear(weight(in, out));
  }
}
