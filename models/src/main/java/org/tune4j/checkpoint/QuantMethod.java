package org.tune4j.checkpoint;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;

/**
 * What {@code quantization_config} of a config says of the weights, by its {@code quant_method}.
 */
enum QuantMethod {
  /** Weights of 8 bits with scales for blocks. */
  FP8,
  /** Experts of 4 bits. */
  MXFP4,
  /** Weights of 4 bits in NF4, or of 8 with a factor a row. */
  BITSANDBYTES;

  private static final String METHOD = "quant_method";

  /**
   * The method of a config.
   *
   * @throws org.tune4j.InputException if it is none of these
   */
  static QuantMethod of(JsonFields quantisation) {
    String name = quantisation.optionalText(METHOD).orElse("");
    return Arrays.stream(values())
        .filter(method -> method.spelling().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                quantisation.wrong(
                    METHOD,
                    "one of "
                        + Arrays.stream(values())
                            .map(QuantMethod::spelling)
                            .collect(Collectors.joining(", "))
                        + "; give the checkpoint in float32, float16 or bfloat16"));
  }

  private String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The weights without the scales, as bf16 or in a layout of their own; those that are not
   * quantised as they are.
   */
  Map<String, Weight> weights(Map<String, Weight> stored, JsonFields quantisation) {
    return switch (this) {
      case FP8 -> Fp8Layout.weights(stored, quantisation);
      case MXFP4 -> Mxfp4Layout.weights(stored);
      case BITSANDBYTES -> BitsAndBytes.weights(stored, quantisation);
    };
  }
}
