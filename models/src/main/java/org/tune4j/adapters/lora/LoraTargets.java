package org.tune4j.adapters.lora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.TargetModules;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * The keys that say which linears are adapted: torchtune's {@code lora_attn_modules}, {@code
 * apply_lora_to_mlp} and {@code apply_lora_to_output}, or PEFT's {@code target_modules}.
 *
 * @param loraAttnModules projections of every attention layer, those of queries, keys and values
 *     together where they are stored as one; null where {@code targetModules} says it
 * @param applyLoraToMlp whether to adapt {@code gate_proj}, {@code up_proj} and {@code down_proj},
 *     the first two together where they are stored as one
 * @param applyLoraToOutput whether to adapt {@code lm_head}
 * @param targetModules a list of names or paths, a regular expression, or {@code all-linear}; null
 *     where the keys above say it
 * @param excludeModules linears that are left out, likewise
 * @param layersToTransform the layers whose linears are adapted, from 0; null for all
 */
public record LoraTargets(
    @Doc(
            "projections of every attention layer to adapt: q_proj, k_proj, v_proj, output_proj; where the first three are stored as one linear, that")
        @Nullable List<AttnModule> loraAttnModules,
    @Doc("also adapt gate_proj, up_proj and down_proj") @Default("false") boolean applyLoraToMlp,
    @Doc("also adapt lm_head") @Default("false") boolean applyLoraToOutput,
    @Doc("linears to adapt, as in PEFT: a list of names, a regular expression or all-linear")
        @AlsoCalled({"lora_target_modules", "lora_target"})
        @Nullable Object targetModules,
    @Doc("linears to leave out of target_modules: a list of names or a regular expression")
        @Nullable Object excludeModules,
    @Doc("layers to adapt, from 0; null for all") @Nullable List<Integer> layersToTransform) {
  /** The linears of an MLP, which {@code apply_lora_to_mlp} adapts together. */
  private static final List<String> MLP =
      List.of("gate_proj", "up_proj", "gate_up_proj", "down_proj");

  /** Queries, keys and values where they are one linear. */
  private static final String FUSED = "qkv_proj";

  private static final String OUTPUT = "lm_head";

  /**
   * Checks that at most one of the two ways is used.
   *
   * @throws UsageException with all that does not hold
   */
  public LoraTargets {
    List<AttnModule> attention = loraAttnModules == null ? List.of() : loraAttnModules;
    List<String> twice =
        Arrays.stream(AttnModule.values())
            .filter(m -> Collections.frequency(attention, m) > 1)
            .map(String::valueOf)
            .toList();
    boolean named = !attention.isEmpty() || applyLoraToMlp || applyLoraToOutput;
    new Requirements()
        .that(
            twice.isEmpty(),
            "lora_attn_modules names %s twice; name it once".formatted(String.join(", ", twice)))
        .that(
            !named || targetModules == null,
            "target_modules and torchtune's lora_attn_modules, apply_lora_to_mlp, apply_lora_to_output are both set; keep one of the two ways")
        .check();
    loraAttnModules = attention.isEmpty() ? null : List.copyOf(attention);
  }

  /** {@return whether they name no linear} */
  boolean isEmpty() {
    return targetModules == null && names().isEmpty();
  }

  /**
   * {@return the linears}
   *
   * @throws UsageException when {@code targetModules} or {@code excludeModules} is no list of names
   *     and no regular expression
   */
  TargetModules modules() {
    return new TargetModules(
        targetModules == null
            ? new TargetModules.Names(names(), "")
            : TargetModules.Names.of(targetModules),
        excludeModules == null ? TargetModules.Names.NONE : TargetModules.Names.of(excludeModules),
        layersToTransform == null ? List.of() : layersToTransform);
  }

  private List<String> names() {
    List<String> names = new ArrayList<>();
    if (loraAttnModules != null) {
      loraAttnModules.stream().sorted().map(AttnModule::checkpointName).forEach(names::add);
      if (!Set.of(AttnModule.OUTPUT_PROJ).containsAll(loraAttnModules)) {
        names.add(FUSED);
      }
    }
    if (applyLoraToMlp) {
      names.addAll(MLP);
    }
    if (applyLoraToOutput) {
      names.add(OUTPUT);
    }
    return names;
  }
}
