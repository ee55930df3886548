package org.tune4j.models.auto;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.TargetModules.Names;
import org.tune4j.adapters.ia3.Ia3Config;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.vera.VeraConfig;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;

/** Builders of any model, sized by the checkpoint's {@code config.json}. */
public final class AutoModel {
  private AutoModel() {}

  /**
   * {@return a model sized by its checkpoint, all of it trainable}
   *
   * @param models the families there are
   */
  @Component("auto_model")
  public static ModelSpec base(@Provided ModelRegistry models) {
    return new ModelSpec("auto_model", models, null, null);
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with LoRA's adapters}
   *
   * @param models the families there are
   * @param lora which linears are adapted, and how; without any key, the adapter that training
   *     starts from says it
   */
  @Component("lora_auto")
  public static ModelSpec lora(@Provided ModelRegistry models, @Inline LoraArguments lora) {
    return named("lora_auto", models, lora).quantised(lora.quantisation());
  }

  /**
   * {@return the same with the linear layers' weights in NF4 (Dettmers et al. 2023), unless another
   * type is asked for}
   *
   * @param models the families there are
   * @param lora which linears are adapted, and how
   */
  @Component("qlora_auto")
  public static ModelSpec qlora(@Provided ModelRegistry models, @Inline LoraArguments lora) {
    return named("qlora_auto", models, lora).quantised(lora.quantisation().orNf4());
  }

  private static ModelSpec named(String name, ModelRegistry models, LoraArguments lora) {
    return new ModelSpec(
        name, models, null, lora.isDefault() ? new AsSaved(models) : lora.config());
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with IA3's scales}
   *
   * @param models the families there are
   * @param targetModules a list of names or paths, a regular expression, or {@code all-linear}
   * @param feedforwardModules those of them whose input is scaled, likewise; null for none
   * @param modulesToSave modules of which a copy is trained; null for none
   */
  @Component("ia3_auto")
  public static ModelSpec ia3(
      @Provided ModelRegistry models,
      @Doc("linears to adapt, as in PEFT: a list of names, a regular expression or all-linear")
          Object targetModules,
      @Doc("those of target_modules whose input is scaled instead of their output")
          @Nullable Object feedforwardModules,
      @Doc("embeddings and linears of which a copy is trained and saved whole")
          @Nullable List<String> modulesToSave) {
    Names none = Names.NONE;
    Ia3Config config =
        new Ia3Config(
            new TargetModules(Names.of(targetModules), none, List.of()),
            feedforwardModules == null ? none : Names.of(feedforwardModules),
            new ModulesToSave(modulesToSave == null ? List.of() : modulesToSave, false));
    return new ModelSpec("ia3_auto", models, null, config);
  }

  /**
   * {@return a model sized by its checkpoint, frozen, with VeRA's vectors}
   *
   * @param models the families there are
   * @param targetModules a list of names or paths, a regular expression, or {@code all-linear}
   * @param veraRank rank of the shared projections, 1 or more
   * @param dInitial first value of the vector between them
   * @param veraDropout probability of dropping an element before them, in [0, 1)
   * @param modulesToSave modules of which a copy is trained; null for none
   */
  @Component("vera_auto")
  public static ModelSpec vera(
      @Provided ModelRegistry models,
      @Doc("linears to adapt, as in PEFT: a list of names, a regular expression or all-linear")
          Object targetModules,
      @Doc("rank of the shared projections, 1 or more") @Default("256") int veraRank,
      @Doc("first value of the vector between the projections") @Default("0.1") double dInitial,
      @Doc("probability of dropping an element before vera_A, 0 to below 1") @Default("0.0")
          double veraDropout,
      @Doc("embeddings and linears of which a copy is trained and saved whole")
          @Nullable List<String> modulesToSave) {
    VeraConfig config =
        new VeraConfig(
            new TargetModules(Names.of(targetModules), Names.NONE, List.of()),
            veraRank,
            dInitial,
            veraDropout,
            new ModulesToSave(modulesToSave == null ? List.of() : modulesToSave, false));
    return new ModelSpec("vera_auto", models, null, config);
  }
}
