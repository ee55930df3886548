package org.tune4j.adapters.lora;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Requirements;
import org.tune4j.models.Quantisation;

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
 * @param quantisation of the frozen weights
 * @param useDora whether rows have a trained length (DoRA)
 * @param loraBias whether {@code lora_B} has a bias
 * @param initLoraWeights the factors' first values: true, {@code pissa} or {@code olora}
 * @param saveAsLora whether results of {@code pissa} and {@code olora} are saved as plain LoRA
 * @param beside what is trained besides linears
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
    @Inline Quantisation quantisation,
    @Doc("DoRA: also train the length of each row") @Default("false") boolean useDora,
    @Doc("lora_B has a bias, which only merges into a linear with one") @Default("false")
        boolean loraBias,
    @Doc("first values of the factors: true, or pissa or olora for a part of the base weight")
        @Default("true")
        Object initLoraWeights,
    @Doc("save pissa and olora as plain LoRA of twice the rank, for the whole base")
        @Default("false")
        boolean saveAsLora,
    @Inline Beside beside) {
  /**
   * The keys of what is trained besides linears.
   *
   * @param modulesToSave modules of which a copy is trained; null for none
   * @param ensureWeightTying whether a tied head shares its embedding's copy
   * @param trainableTokenIndices ids whose rows of the embedding are trained; null for none
   * @param targetParameters weights of experts that are adapted; null for none
   */
  public record Beside(
      @Doc("embeddings and linears of which a copy is trained and saved whole")
          @Nullable List<String> modulesToSave,
      @Doc("a tied head shares the copy of its embedding") @Default("false")
          boolean ensureWeightTying,
      @Doc("ids whose rows of the embedding are trained")
          @Nullable List<Integer> trainableTokenIndices,
      @Doc("experts' weights to adapt, such as mlp.experts.gate_up_proj")
          @Nullable List<String> targetParameters) {
    /** Nothing. */
    public static final Beside NOTHING = new Beside(null, false, null, null);

    private LoraConfig.Beside config() {
      return new LoraConfig.Beside(
          targetParameters == null ? List.of() : targetParameters,
          modulesToSave == null && !ensureWeightTying
              ? ModulesToSave.NONE
              : new ModulesToSave(
                  modulesToSave == null ? List.of() : modulesToSave, ensureWeightTying),
          trainableTokenIndices == null || trainableTokenIndices.isEmpty()
              ? Map.of()
              : Map.of(LoraConfig.Beside.EMBEDDING, trainableTokenIndices));
    }
  }

  /**
   * Checks the values here already, so that a config hears of them beside its other mistakes.
   *
   * @throws UsageException with all that does not hold
   */
  public LoraArguments {
    initLoraWeights = String.valueOf(initLoraWeights);
    config(
        targets,
        loraRank,
        loraAlpha,
        loraDropout,
        rankPattern,
        alphaPattern,
        useRslora,
        variant(useDora, loraBias, initLoraWeights, saveAsLora),
        beside);
  }

  /**
   * Plain adapters with these targets and sizes.
   *
   * @param targets which linears are adapted
   * @param loraRank inner dimension of the adapters, 1 or more
   * @param loraAlpha above 0
   * @param loraDropout in [0, 1)
   */
  public LoraArguments(LoraTargets targets, int loraRank, double loraAlpha, double loraDropout) {
    this(
        targets,
        loraRank,
        loraAlpha,
        loraDropout,
        null,
        null,
        false,
        Quantisation.NONE,
        false,
        false,
        true,
        false,
        Beside.NOTHING);
  }

  /**
   * {@return torchtune's defaults for the rest: rank 8, alpha 16, no dropout, attention alone}
   *
   * @param loraAttnModules projections of every attention layer to adapt
   */
  public static LoraArguments of(AttnModule... loraAttnModules) {
    return new LoraArguments(
        new LoraTargets(List.of(loraAttnModules), false, false, null, null, null), 8, 16, 0);
  }

  /** {@return whether every key of the adapters is left out, or as it is where it is left out} */
  public boolean isDefault() {
    return with(Quantisation.NONE)
        .equals(new LoraArguments(new LoraTargets(null, false, false, null, null, null), 8, 16, 0));
  }

  /**
   * {@return the same over weights in other types}
   *
   * @param other of the frozen weights
   */
  public LoraArguments with(Quantisation other) {
    return new LoraArguments(
        targets,
        loraRank,
        loraAlpha,
        loraDropout,
        rankPattern,
        alphaPattern,
        useRslora,
        other,
        useDora,
        loraBias,
        initLoraWeights,
        saveAsLora,
        beside);
  }

  /**
   * {@return how a model is adapted}
   *
   * @throws UsageException when nothing is
   */
  public LoraConfig config() {
    LoraConfig config =
        config(
            targets,
            loraRank,
            loraAlpha,
            loraDropout,
            rankPattern,
            alphaPattern,
            useRslora,
            variant(useDora, loraBias, initLoraWeights, saveAsLora),
            beside);
    new Requirements()
        .that(
            !targets.isEmpty() || !config.beside().parameters().isEmpty(),
            "lora_attn_modules is empty and neither apply_lora_to_mlp nor apply_lora_to_output is true: nothing would be trained; name some of q_proj, k_proj, v_proj, output_proj")
        .check();
    return config;
  }

  private static LoraVariant variant(boolean dora, boolean bias, Object init, boolean whole) {
    return new LoraVariant(
        dora,
        bias,
        LoraInit.of(String.valueOf(init))
            .orElseThrow(
                () ->
                    new UsageException(
                        "init_lora_weights is %s, expected true, pissa or olora".formatted(init))),
        whole);
  }

  private static LoraConfig config(
      LoraTargets targets,
      int rank,
      double alpha,
      double dropout,
      @Nullable Map<String, Integer> ranks,
      @Nullable Map<String, Double> alphas,
      boolean useRslora,
      LoraVariant variant,
      Beside beside) {
    return new LoraConfig(
        targets.modules(),
        rank,
        alpha,
        dropout,
        useRslora,
        ranks == null ? Map.of() : ranks,
        alphas == null ? Map.of() : alphas,
        variant,
        beside.config());
  }
}
