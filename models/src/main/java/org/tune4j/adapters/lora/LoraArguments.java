package org.tune4j.adapters.lora;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Requirements;

/**
 * The keys of every {@code lora_} builder.
 *
 * @param targets which linears are adapted
 * @param loraRank inner dimension of the adapters, 1 or more
 * @param loraAlpha above 0; the update is scaled by {@code loraAlpha / loraRank}
 * @param loraDropout probability of dropping an element before {@code lora_A}, in [0, 1)
 * @param rankPattern the rank of linears that have another, by an expression for the end of their
 *     path; null for none
 * @param alphaPattern the alpha of linears that have another, likewise
 * @param useRslora whether the update is scaled by {@code loraAlpha / sqrt(loraRank)} instead
 * @param quantizeBase QLoRA; true is refused
 * @param useDora DoRA; true is refused
 */
public record LoraArguments(
    @Inline LoraTargets targets,
    @Doc("rank of the adapters, 1 or more") @AlsoCalled({"r", "rank", "lora_r"}) @Default("8")
        int loraRank,
    @Doc("the update is scaled by lora_alpha / lora_rank") @AlsoCalled("alpha") @Default("16")
        double loraAlpha,
    @Doc("probability of dropping an element before lora_A, 0 to below 1") @Default("0.0")
        double loraDropout,
    @Doc("ranks of linears that have another, by the end of their path")
        @Nullable Map<String, Integer> rankPattern,
    @Doc("alphas of linears that have another, by the end of their path")
        @Nullable Map<String, Double> alphaPattern,
    @Doc("rsLoRA: scale the update by lora_alpha / sqrt(lora_rank) instead") @Default("false")
        boolean useRslora,
    @Doc("QLoRA: keep the base in NF4; not supported yet")
        @AlsoCalled({"load_in_4bit", "load_in_8bit"})
        @Default("false")
        boolean quantizeBase,
    @Doc("DoRA: also train magnitudes; not supported yet") @Default("false") boolean useDora) {
  /**
   * Checks the values here already, so that a config hears of them beside its other mistakes.
   *
   * @throws UsageException with all that does not hold
   */
  public LoraArguments {
    new Requirements()
        .that(!quantizeBase, "quantize_base=true (QLoRA) is not supported yet; set it to false")
        .that(!useDora, "use_dora=true is not supported yet; set it to false")
        .check();
    config(targets, loraRank, loraAlpha, loraDropout, rankPattern, alphaPattern, useRslora);
  }

  /**
   * {@return torchtune's defaults for the rest: rank 8, alpha 16, no dropout, attention alone}
   *
   * @param loraAttnModules projections of every attention layer to adapt
   */
  public static LoraArguments of(AttnModule... loraAttnModules) {
    LoraTargets targets = new LoraTargets(List.of(loraAttnModules), false, false, null, null, null);
    return new LoraArguments(targets, 8, 16, 0, null, null, false, false, false);
  }

  /** {@return how a model is adapted} */
  public LoraConfig config() {
    return config(targets, loraRank, loraAlpha, loraDropout, rankPattern, alphaPattern, useRslora);
  }

  private static LoraConfig config(
      LoraTargets targets,
      int rank,
      double alpha,
      double dropout,
      @Nullable Map<String, Integer> ranks,
      @Nullable Map<String, Double> alphas,
      boolean useRslora) {
    return new LoraConfig(
        targets.modules(),
        rank,
        alpha,
        dropout,
        useRslora,
        ranks == null ? Map.of() : ranks,
        alphas == null ? Map.of() : alphas);
  }
}
