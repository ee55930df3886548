package org.tune4j.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tune4j.component.Requirements;

/**
 * Which linears of a decoder get low-rank adapters, and of what size (Hu et al. 2021), by the names
 * of PEFT's {@code LoraConfig}.
 *
 * @param targetModules the adapted linears, each by its path ({@code
 *     model.layers.0.self_attn.q_proj}) or an end of it ({@code q_proj})
 * @param rank the inner dimension, 1 or more
 * @param alpha the update is scaled by {@code alpha / rank}
 * @param dropout probability of dropping an element before {@code lora_A}, in [0, 1)
 * @param useRslora whether the update is scaled by {@code alpha / sqrt(rank)} instead
 *     (Kalajdzievski 2023)
 * @param rankPattern the rank of linears that have another, by path
 * @param alphaPattern the alpha of linears that have another, by path
 */
public record LoraConfig(
    List<String> targetModules,
    int rank,
    double alpha,
    double dropout,
    boolean useRslora,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern) {
  /** The linears of an MLP, which a config adapts together. */
  public static final List<String> MLP = List.of("gate_proj", "up_proj", "down_proj");

  /** The linear above all layers. */
  public static final String OUTPUT = "lm_head";

  /**
   * Checks the values, which a config names {@code lora_rank} and so on.
   *
   * @param targetModules none twice
   * @param rank 1 or more
   * @param alpha above 0, finite
   * @param dropout in [0, 1)
   * @param useRslora whether the update is scaled by {@code alpha / sqrt(rank)}
   * @param rankPattern other ranks by path, 1 or more
   * @param alphaPattern other alphas by path, above 0
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public LoraConfig {
    List<String> names = List.copyOf(targetModules);
    List<String> twice =
        Arrays.stream(AttnModule.values())
            .filter(m -> Collections.frequency(names, m.checkpointName()) > 1)
            .map(String::valueOf)
            .toList();
    new Requirements()
        .that(
            twice.isEmpty(),
            "lora_attn_modules names %s twice; name it once".formatted(String.join(", ", twice)))
        .that(
            !names.isEmpty(),
            "lora_attn_modules is empty and neither apply_lora_to_mlp nor apply_lora_to_output is true: nothing would be trained; name some of q_proj, k_proj, v_proj, output_proj")
        .atLeast(1, "lora_rank", rank)
        .that(
            alpha > 0 && Double.isFinite(alpha),
            "lora_alpha is %s, expected a number above 0".formatted(alpha))
        .that(
            dropout >= 0 && dropout < 1,
            "lora_dropout is %s, expected 0 to below 1".formatted(dropout))
        .check();
    targetModules = names;
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
  }

  /**
   * The same linears in every layer, all of one size.
   *
   * @param attnModules projections of every attention layer; none twice; may be empty where
   *     something else is adapted
   * @param applyToMlp also {@code gate_proj}, {@code up_proj} and {@code down_proj}
   * @param applyToOutput also {@code lm_head}
   * @param rank 1 or more
   * @param alpha above 0, finite
   * @param dropout in [0, 1)
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public LoraConfig(
      List<AttnModule> attnModules,
      boolean applyToMlp,
      boolean applyToOutput,
      int rank,
      double alpha,
      double dropout) {
    this(
        names(attnModules, applyToMlp, applyToOutput),
        rank,
        alpha,
        dropout,
        false,
        Map.of(),
        Map.of());
  }

  private static List<String> names(List<AttnModule> attention, boolean mlp, boolean output) {
    List<String> names = new ArrayList<>();
    attention.stream().sorted().map(AttnModule::checkpointName).forEach(names::add);
    if (mlp) {
      names.addAll(MLP);
    }
    if (output) {
      names.add(OUTPUT);
    }
    return names;
  }

  /** {@return what {@code B A} is multiplied by} */
  public double scale() {
    return alpha / (useRslora ? Math.sqrt(rank) : rank);
  }

  /**
   * {@return how one linear is adapted, with its own rank and alpha; empty where it is not}
   *
   * @param path in the model, such as {@code model.layers.0.self_attn.q_proj}
   */
  public Optional<LoraConfig> at(String path) {
    if (targetModules.stream().noneMatch(t -> path.equals(t) || path.endsWith("." + t))) {
      return Optional.empty();
    }
    if (!rankPattern.containsKey(path) && !alphaPattern.containsKey(path)) {
      return Optional.of(this);
    }
    return Optional.of(
        new LoraConfig(
            List.of(path),
            rankPattern.getOrDefault(path, rank),
            alphaPattern.getOrDefault(path, alpha),
            dropout,
            useRslora,
            Map.of(),
            Map.of()));
  }
}
