package org.tune4j.models;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.Linear;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;

/**
 * Which weights of a frozen model are quantised, as the keys of a config say it. Weights that the
 * checkpoint has quantised are kept as they are.
 *
 * @param quantizeBase true or {@code nf4}, {@code int8}, or false
 * @param quantizeEmbeddings whether the embedding, with a tied head, is kept in int8
 */
public record Quantisation(
    @Doc("keep frozen linear layers in nf4 (QLoRA; the same as true) or int8; the head stays")
        @AlsoCalled({"load_in_4bit", "load_in_8bit"})
        @Default("false")
        Object quantizeBase,
    @Doc("keep the embedding, and a tied head, in int8") @Default("false")
        boolean quantizeEmbeddings) {
  /** Nothing is. */
  public static final Quantisation NONE = new Quantisation(false, false);

  /**
   * Checks the value.
   *
   * @throws UsageException when it is none of those
   */
  public Quantisation {
    String value = String.valueOf(quantizeBase).toLowerCase(Locale.ROOT);
    quantizeBase = value.equals("true") ? DType.NF4.toString() : value;
    if (linears(value).isEmpty() && !value.equals("false") && !value.equals("null")) {
      throw new UsageException(
          "quantize_base is %s, expected true, false, nf4 or int8".formatted(quantizeBase));
    }
  }

  private static Optional<DType> linears(String value) {
    return switch (value) {
      case "true", "nf4" -> Optional.of(DType.NF4);
      case "int8" -> Optional.of(DType.INT8);
      default -> Optional.empty();
    };
  }

  /** {@return the type of frozen linear layers; empty for the checkpoint's} */
  public Optional<DType> linears() {
    return linears(quantizeBase.toString());
  }

  /** {@return the same with linear layers in NF4 where they are not quantised} */
  public Quantisation orNf4() {
    return linears().isPresent() ? this : new Quantisation(DType.NF4, quantizeEmbeddings);
  }

  /**
   * {@return the same over a checkpoint's weights, of which those that are quantised stay so}
   *
   * @param stored their type; empty where none is
   */
  public Quantisation over(Optional<DType> stored) {
    return stored.map(type -> new Quantisation(type, quantizeEmbeddings)).orElse(this);
  }

  /**
   * {@return the type of each weight that is quantised, by its full name in the model's order:
   * those of linears but the head, and of experts}
   *
   * @param decoder with storage or without
   */
  public Map<String, DType> of(Decoder decoder) {
    Map<String, DType> all = new LinkedHashMap<>();
    DType linears = linears().orElse(null);
    Adapters.adaptable(decoder)
        .forEach(
            (path, module) -> {
              if (module instanceof Embedding embedding && quantizeEmbeddings) {
                put(path + ".weight", embedding.weight(), DType.INT8, all);
              } else if (module instanceof Linear linear && linear != decoder.head()) {
                put(path + ".weight", linear.weight(), linears, all);
              } else if (module instanceof Experts experts) {
                experts.parameters().forEach((name, p) -> put(path + "." + name, p, linears, all));
              }
            });
    all.keySet().retainAll(decoder.parameters().keySet());
    all.keySet().removeAll(Adapters.parameters(decoder).keySet());
    return all;
  }

  /**
   * {@return whether a weight of a decoder is quantised}
   *
   * @param decoder with storage
   */
  public static boolean isIn(Decoder decoder) {
    return decoder.parameters().values().stream()
        .anyMatch(p -> p.hasStorage() && p.tensor().dtype().isQuantised());
  }

  private static void put(String name, Parameter p, @Nullable DType dtype, Map<String, DType> all) {
    if (dtype != null && p.shape().rank() == 2 && p.shape().elements() % 2 == 0) {
      all.put(name, dtype);
    }
  }
}
