package org.tune4j.adapters.lora;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.PathPattern;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.component.Requirements;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.layers.Linear;

/**
 * Which linears get low-rank adapters, and of what size, by the names of PEFT's {@code LoraConfig}.
 *
 * @param targets the adapted linears
 * @param rank the inner dimension, 1 or more
 * @param alpha the update is scaled by {@code alpha / rank}
 * @param dropout probability of dropping an element before {@code lora_A}, in [0, 1)
 * @param useRslora whether the update is scaled by {@code alpha / sqrt(rank)} instead
 *     (Kalajdzievski 2023)
 * @param rankPattern the rank of linears that have another, by an expression for the end of their
 *     path; the first that matches counts
 * @param alphaPattern the alpha of linears that have another, likewise
 */
public record LoraConfig(
    TargetModules targets,
    int rank,
    double alpha,
    double dropout,
    boolean useRslora,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern)
    implements AdapterConfig {
  /**
   * Checks the values, which a config names {@code lora_rank} and so on.
   *
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public LoraConfig {
    new Requirements()
        .atLeast(1, "lora_rank", rank)
        .that(
            alpha > 0 && Double.isFinite(alpha),
            "lora_alpha is %s, expected a number above 0".formatted(alpha))
        .that(
            dropout >= 0 && dropout < 1,
            "lora_dropout is %s, expected 0 to below 1".formatted(dropout))
        .check();
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
  }

  /**
   * All linears of one size, without dropout, scaled by {@code alpha / rank}.
   *
   * @param targets the adapted linears
   * @param rank the inner dimension, 1 or more
   * @param alpha above 0
   * @throws org.tune4j.UsageException with all that does not hold
   */
  public LoraConfig(TargetModules targets, int rank, double alpha) {
    this(targets, rank, alpha, 0, false, Map.of(), Map.of());
  }

  @Override
  public AdapterType type() {
    return new LoraType();
  }

  @Override
  public Adapter create(String path, Linear linear) {
    return new LoraAdapter(linear, rankOf(path), alphaOf(path), scale(path), dropout);
  }

  /**
   * {@return what multiplies {@code lora_B lora_A} of a linear}
   *
   * @param path of the linear in the model
   */
  public double scale(String path) {
    int own = rankOf(path);
    return alphaOf(path) / (useRslora ? Math.sqrt(own) : own);
  }

  private double alphaOf(String path) {
    return PathPattern.first(alphaPattern, path).orElse(alpha);
  }

  /** The rank of one linear. */
  int rankOf(String path) {
    return PathPattern.first(rankPattern, path).orElse(rank);
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    return LoraFields.write(this, targetModules);
  }

  @Override
  public AdapterConfig resume(SavedAdapter saved, Collection<String> linears) {
    LoraConfig own = (LoraConfig) saved.config();
    if (own.rank != rank || own.alpha != alpha) {
      throw saved.wrong(
          "it has rank %d and alpha %s, the config asks for rank %d and alpha %s; set lora_rank and lora_alpha to the adapter's"
              .formatted(own.rank, own.alpha, rank, alpha));
    }
    saved.requireTargets(targets, linears);
    return new LoraConfig(
        own.targets, rank, alpha, dropout, own.useRslora, own.rankPattern, own.alphaPattern);
  }
}
