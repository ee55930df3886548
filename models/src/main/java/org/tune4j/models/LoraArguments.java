package org.tune4j.models;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;

/**
 * The keys of every {@code lora_} builder, by torchtune's names: {@link LoraConfig} and what is
 * refused.
 *
 * @param loraAttnModules projections of every attention layer to adapt
 * @param applyLoraToMlp whether to adapt {@code gate_proj}, {@code up_proj} and {@code down_proj}
 * @param applyLoraToOutput whether to adapt {@code lm_head}
 * @param loraRank inner dimension of the adapters, 1 or more
 * @param loraAlpha above 0; the update is scaled by {@code loraAlpha / loraRank}
 * @param loraDropout probability of dropping an element before {@code lora_A}, in [0, 1)
 * @param quantizeBase QLoRA; {@link #spec} refuses true
 * @param useDora DoRA; {@link #spec} refuses true
 */
public record LoraArguments(
    @Doc("Projections of every attention layer to adapt: q_proj, k_proj, v_proj, output_proj.")
        List<AttnModule> loraAttnModules,
    @Doc("Whether to adapt gate_proj, up_proj and down_proj too.") @Default("false")
        boolean applyLoraToMlp,
    @Doc("Whether to adapt lm_head too.") @Default("false") boolean applyLoraToOutput,
    @Doc("Inner dimension of the adapters, 1 or more.") @Default("8") int loraRank,
    @Doc("The update is scaled by lora_alpha / lora_rank.") @Default("16") double loraAlpha,
    @Doc("Probability of dropping an element before lora_A, 0 to below 1.") @Default("0.0")
        double loraDropout,
    @Doc("QLoRA: keep the base in NF4. Not supported yet.") @Default("false") boolean quantizeBase,
    @Doc("DoRA: train magnitudes too. Not supported yet.") @Default("false") boolean useDora) {
  /**
   * Checks what {@link LoraConfig} asks for, here already, so that a config hears of it beside its
   * other mistakes.
   *
   * @param loraAttnModules is copied
   * @param applyLoraToMlp whether the MLP's three linears are adapted
   * @param applyLoraToOutput whether {@code lm_head} is adapted
   * @param loraRank 1 or more
   * @param loraAlpha above 0, finite
   * @param loraDropout in [0, 1)
   * @param quantizeBase is not looked at yet
   * @param useDora is not looked at yet
   * @throws UsageException with all that does not hold
   */
  public LoraArguments {
    loraAttnModules = List.copyOf(loraAttnModules);
    new LoraConfig(
        loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout);
  }

  /**
   * {@return torchtune's defaults for the rest: rank 8, alpha 16, no dropout, attention alone}
   *
   * @param loraAttnModules projections of every attention layer to adapt
   */
  public static LoraArguments of(AttnModule... loraAttnModules) {
    return new LoraArguments(List.of(loraAttnModules), false, false, 8, 16, 0, false, false);
  }

  /**
   * {@return what a builder stands for}
   *
   * @param name of the builder
   * @param config its sizes; null where the checkpoint's {@code config.json} decides
   * @throws UsageException when {@link #quantizeBase} or {@link #useDora} is true
   */
  public ModelSpec spec(String name, @Nullable DecoderConfig config) {
    LoraConfig lora =
        new LoraConfig(
            loraAttnModules, applyLoraToMlp, applyLoraToOutput, loraRank, loraAlpha, loraDropout);
    return ModelSpec.lora(name, config, lora, quantizeBase, useDora);
  }
}
