package org.tune4j.checkpoint;

import java.util.Optional;
import org.tune4j.InputException;

/**
 * The names of an adapter's tensors: {@code base_model.model.} before the module's path in the base
 * model, the part after it. Source: PEFT's {@code get_peft_model_state_dict}.
 */
public final class PeftNames {
  private static final String PREFIX = "base_model.model.";
  private static final String WEIGHT = ".weight";

  private PeftNames() {}

  /** What a tensor of an adapter is to its module. */
  public enum Part {
    /** {@code [rank, in]}. */
    LORA_A("lora_A.weight"),
    /** {@code [out, rank]}. */
    LORA_B("lora_B.weight"),
    /** {@code [out]}, with DoRA. */
    MAGNITUDE("lora_magnitude_vector");

    private final String suffix;

    Part(String suffix) {
      this.suffix = suffix;
    }

    /** {@return what follows the module's path and a dot in a file} */
    public String suffix() {
      return suffix;
    }
  }

  /**
   * A tensor of an adapter.
   *
   * @param module path in the base model, as {@code model.layers.0.self_attn.q_proj} or {@code
   *     lm_head}
   * @param part what it is there
   */
  public record AdapterTensor(String module, Part part) {
    /** Its name in a file. */
    String peftName() {
      return PREFIX + module + "." + part.suffix();
    }
  }

  /**
   * What the name in a file stands for. PEFT in memory ends the magnitude with {@code .weight};
   * that is read, too.
   *
   * @throws InputException if it is not the name of a LoRA or DoRA tensor
   */
  static AdapterTensor parse(String name) {
    return find(name)
        .orElseThrow(
            () ->
                new InputException(
                    "Adapter tensor "
                        + Texts.quoted(name)
                        + (name.contains(".lora_embedding_")
                            ? " adapts an embedding, which is not supported; "
                                + PeftAdapterConfig.MERGE
                            : " is none of base_model.model.MODULE followed by lora_A.weight,"
                                + " lora_B.weight or lora_magnitude_vector; save the adapter with"
                                + " PEFT's save_pretrained")));
  }

  /**
   * The name in the base model of one of its weights that PEFT saves along: those of embedding and
   * head where one of them is adapted, or {@code save_embedding_layers} asks for it.
   */
  static Optional<String> baseWeight(String name) {
    if (!name.startsWith(PREFIX) || !name.endsWith(WEIGHT) || name.contains(".lora_")) {
      return Optional.empty();
    }
    String module = name.substring(PREFIX.length(), name.length() - WEIGHT.length());
    return Optional.of(module.replaceFirst("\\.base_layer$", "") + WEIGHT);
  }

  private static Optional<AdapterTensor> find(String name) {
    if (!name.startsWith(PREFIX)) {
      return Optional.empty();
    }
    String path = name.substring(PREFIX.length());
    if (path.endsWith("." + Part.MAGNITUDE.suffix() + WEIGHT)) {
      path = path.substring(0, path.length() - WEIGHT.length());
    }
    for (Part part : Part.values()) {
      String ending = "." + part.suffix();
      if (path.endsWith(ending) && path.length() > ending.length()) {
        String module = path.substring(0, path.length() - ending.length());
        return Optional.of(new AdapterTensor(module, part));
      }
    }
    return Optional.empty();
  }
}
