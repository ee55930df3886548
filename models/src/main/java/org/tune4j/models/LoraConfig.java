package org.tune4j.models;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.tune4j.component.Requirements;

/**
 * Which linears of a decoder get low-rank adapters, and of what size (Hu et al. 2021).
 *
 * @param attnModules projections of every attention layer
 * @param applyToMlp also {@code gate_proj}, {@code up_proj} and {@code down_proj}
 * @param applyToOutput also {@code lm_head}
 * @param rank the inner dimension, 1 or more
 * @param alpha the update is scaled by {@code alpha / rank}
 * @param dropout probability of dropping an element before {@code lora_A}, in [0, 1)
 */
public record LoraConfig(
    List<AttnModule> attnModules,
    boolean applyToMlp,
    boolean applyToOutput,
    int rank,
    double alpha,
    double dropout) {
  /**
   * Checks the values, which a config names {@code lora_rank} and so on.
   *
   * @param attnModules none twice; may be empty where something else is adapted
   * @param applyToMlp whether the MLP's three linears are adapted
   * @param applyToOutput whether {@code lm_head} is adapted
   * @param rank 1 or more
   * @param alpha above 0, finite
   * @param dropout in [0, 1)
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public LoraConfig {
    Set<AttnModule> seen = EnumSet.noneOf(AttnModule.class);
    List<String> twice =
        attnModules.stream().filter(m -> !seen.add(m)).map(String::valueOf).toList();
    new Requirements()
        .that(
            twice.isEmpty(),
            "lora_attn_modules names %s twice; name it once".formatted(String.join(", ", twice)))
        .that(
            !seen.isEmpty() || applyToMlp || applyToOutput,
            "lora_attn_modules is empty and neither apply_lora_to_mlp nor apply_lora_to_output is true: nothing would be trained; name some of q_proj, k_proj, v_proj, output_proj")
        .atLeast(1, "lora_rank", rank)
        .that(
            alpha > 0 && Double.isFinite(alpha),
            "lora_alpha is %s, expected a number above 0".formatted(alpha))
        .that(
            dropout >= 0 && dropout < 1,
            "lora_dropout is %s, expected 0 to below 1".formatted(dropout))
        .check();
    attnModules = List.copyOf(attnModules);
  }

  /** {@return what {@code B A} is multiplied by, {@code alpha / rank}} */
  public double scale() {
    return alpha / rank;
  }

  /** {@return the adapted modules by their Hugging Face names, as PEFT's {@code target_modules}} */
  public List<String> targetModules() {
    List<String> names = new ArrayList<>();
    attnModules.stream().sorted().map(AttnModule::checkpointName).forEach(names::add);
    if (applyToMlp) {
      names.addAll(List.of("gate_proj", "up_proj", "down_proj"));
    }
    if (applyToOutput) {
      names.add("lm_head");
    }
    return List.copyOf(names);
  }
}
