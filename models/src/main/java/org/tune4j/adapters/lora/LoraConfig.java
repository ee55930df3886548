package org.tune4j.adapters.lora;

import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.AdapterSum;
import org.tune4j.adapters.AdapterType;
import org.tune4j.adapters.ModulesToSave;
import org.tune4j.adapters.PathPattern;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.component.Requirements;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.EmbeddingAdapter;
import org.tune4j.models.layers.Experts;
import org.tune4j.models.layers.ExpertsAdapter;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Module;
import org.tune4j.tensor.Engine;

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
 * @param variant what adapters have besides their factors
 * @param beside what is trained besides linears
 */
public record LoraConfig(
    TargetModules targets,
    int rank,
    double alpha,
    double dropout,
    boolean useRslora,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern,
    LoraVariant variant,
    Beside beside)
    implements AdapterConfig {
  /**
   * What is trained besides linears.
   *
   * @param parameters weights of experts that get low-rank adapters, each by its path in
   *     transformers or an end of it, such as {@code mlp.experts.gate_up_proj}
   * @param modules of which a copy is trained
   * @param tokens the trained rows of embeddings, by the end of the embedding's path; {@link
   *     #EMBEDDING} for the model's
   */
  public record Beside(
      List<String> parameters, ModulesToSave modules, Map<String, List<Integer>> tokens) {
    /** Any embedding. */
    public static final String EMBEDDING = "";

    /** Nothing. */
    public static final Beside NOTHING = new Beside(List.of(), ModulesToSave.NONE, Map.of());

    /** Copies lists and map. */
    public Beside {
      parameters = List.copyOf(parameters);
      tokens = Collections.unmodifiableMap(new LinkedHashMap<>(tokens));
    }
  }

  /**
   * The size of one adapter.
   *
   * @param rank the inner dimension
   * @param alpha as configured
   * @param scale what multiplies {@code lora_B lora_A}
   */
  record Size(int rank, double alpha, double scale) {}

  /**
   * Checks the values, which a config names {@code lora_rank} and so on.
   *
   * @throws UsageException with all that does not hold
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
        .that(
            beside.parameters.isEmpty() || (dropout == 0 && variant.equals(LoraVariant.PLAIN)),
            "target_parameters take neither lora_dropout nor use_dora, lora_bias or another init_lora_weights, as in PEFT; leave them out")
        .check();
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
  }

  /**
   * Plain adapters of linears.
   *
   * @param targets the adapted linears
   * @param rank the inner dimension, 1 or more
   * @param alpha above 0
   * @param dropout in [0, 1)
   * @param useRslora whether the update is scaled by {@code alpha / sqrt(rank)}
   * @param rankPattern the rank of linears that have another
   * @param alphaPattern the alpha of linears that have another
   * @throws UsageException with all that does not hold
   */
  public LoraConfig(
      TargetModules targets,
      int rank,
      double alpha,
      double dropout,
      boolean useRslora,
      Map<String, Integer> rankPattern,
      Map<String, Double> alphaPattern) {
    this(
        targets,
        rank,
        alpha,
        dropout,
        useRslora,
        rankPattern,
        alphaPattern,
        LoraVariant.PLAIN,
        Beside.NOTHING);
  }

  /**
   * All linears of one size, without dropout, scaled by {@code alpha / rank}.
   *
   * @param targets the adapted linears
   * @param rank the inner dimension, 1 or more
   * @param alpha above 0
   * @throws UsageException with all that does not hold
   */
  public LoraConfig(TargetModules targets, int rank, double alpha) {
    this(targets, rank, alpha, 0, false, Map.of(), Map.of());
  }

  @Override
  public AdapterType type() {
    return new LoraType();
  }

  @Override
  public LinearAdapter create(String path, Linear linear) {
    return variant.dora()
        ? new DoraAdapter(linear, sizeOf(path), this)
        : new LoraAdapter(linear, sizeOf(path), this);
  }

  @Override
  public Optional<EmbeddingAdapter> create(String path, Embedding embedding) {
    return beside.tokens.entrySet().stream()
        .filter(
            e ->
                e.getKey().equals(Beside.EMBEDDING)
                    || TargetModules.of(List.of(e.getKey())).matches(path))
        .findFirst()
        .map(e -> new TrainedTokens(embedding, e.getValue()));
  }

  @Override
  public int tokens() {
    return beside.tokens.values().stream()
        .flatMap(List::stream)
        .mapToInt(id -> id + 1)
        .max()
        .orElse(0);
  }

  @Override
  public Optional<LinearAdapter> trainedRows(String path, Linear linear) {
    return beside.tokens.entrySet().stream()
        .filter(
            e ->
                !e.getKey().equals(Beside.EMBEDDING)
                    && TargetModules.of(List.of(e.getKey())).matches(path))
        .findFirst()
        .map(e -> new TrainedHead(linear, e.getValue()));
  }

  @Override
  public AdapterConfig withTokens(List<Integer> tokens, List<String> tables) {
    if (!tables.isEmpty() && !beside.tokens.isEmpty()) {
      throw new UsageException(
          "trainable_token_indices is set, and tokenizer.added_tokens trains rows of its own; leave one out");
    }
    Map<String, List<Integer>> all = new LinkedHashMap<>(beside.tokens);
    for (String table : tables) {
      if (targets.matches(table)) {
        throw new UsageException(
            "tokenizer.added_tokens trains rows of %s, which is also adapted; leave it out of the targets, or name it in modules_to_save"
                .formatted(table));
      }
      all.put(table, tokens);
    }
    return with(new Beside(beside.parameters, beside.modules, all));
  }

  @Override
  public AdapterSum sum(
      Engine engine, AdapterSum.Type type, List<AdapterSum.Part> parts, @Nullable Integer rank) {
    return new LoraSum(engine, type, parts, rank);
  }

  @Override
  public AdapterConfig saving(String module) {
    return with(new Beside(beside.parameters, beside.modules.with(module), beside.tokens));
  }

  private LoraConfig with(Beside other) {
    return new LoraConfig(
        targets, rank, alpha, dropout, useRslora, rankPattern, alphaPattern, variant, other);
  }

  @Override
  public Optional<ExpertsAdapter> create(String path, Experts experts) {
    Set<Experts.Weight> weights = EnumSet.noneOf(Experts.Weight.class);
    for (Experts.Weight weight : Experts.Weight.values()) {
      if (TargetModules.of(beside.parameters).matches(path + "." + weight.parameter())) {
        weights.add(weight);
      }
    }
    return weights.isEmpty()
        ? Optional.empty()
        : Optional.of(new LoraExperts(experts, weights, sizeOf(path)));
  }

  @Override
  public ModulesToSave modulesToSave() {
    return beside.modules;
  }

  /** {@return whether it adapts linears alone, with two factors each over the whole base} */
  public boolean isPlain() {
    return variant.equals(LoraVariant.PLAIN) && beside.equals(Beside.NOTHING);
  }

  /**
   * {@return what multiplies {@code lora_B lora_A} of a linear}
   *
   * @param path of the linear in the model
   */
  public double scale(String path) {
    return sizeOf(path).scale;
  }

  /** The size of the adapter at a path. */
  Size sizeOf(String path) {
    int own = PathPattern.first(rankPattern, path).orElse(rank);
    double ownAlpha = PathPattern.first(alphaPattern, path).orElse(alpha);
    return new Size(own, ownAlpha, ownAlpha / (useRslora ? Math.sqrt(own) : own));
  }

  @Override
  public Map<String, Object> peftFields(List<String> targetModules) {
    return LoraFields.write(this, targetModules);
  }

  @Override
  public AdapterConfig resume(SavedAdapter saved, Module model) {
    LoraConfig own = (LoraConfig) saved.config();
    if (own.rank != rank || own.alpha != alpha) {
      throw saved.wrong(
          "it has rank %d and alpha %s, the config asks for rank %d and alpha %s; set lora_rank and lora_alpha to the adapter's"
              .formatted(own.rank, own.alpha, rank, alpha));
    }
    LoraVariant asked = variant.withInit(variant.init(), false);
    if ((!asked.equals(LoraVariant.PLAIN) && !asked.equals(own.variant))
        || (!beside.equals(Beside.NOTHING) && !beside.equals(own.beside))) {
      throw saved.wrong(
          "its adapter_config.json has other values of use_dora, lora_bias, init_lora_weights, target_parameters, modules_to_save or trainable_token_indices than the config asks for; leave these out, they are the adapter's");
    }
    saved.requireTargets(targets, model);
    return new LoraConfig(
        own.targets,
        rank,
        alpha,
        dropout,
        own.useRslora,
        own.rankPattern,
        own.alphaPattern,
        own.variant.withInit(own.variant.init(), variant.whole()),
        own.beside);
  }

  /** Plain LoRA of twice the rank and the same scale, where that is asked for. */
  @Override
  public AdapterConfig finished() {
    if (!variant.whole()) {
      return this;
    }
    double factor = useRslora ? Math.sqrt(2) : 2;
    Map<String, Integer> ranks = new LinkedHashMap<>(rankPattern);
    ranks.replaceAll((path, own) -> 2 * own);
    Map<String, Double> alphas = new LinkedHashMap<>(alphaPattern);
    alphas.replaceAll((path, own) -> factor * own);
    return new LoraConfig(
        targets,
        2 * rank,
        factor * alpha,
        dropout,
        useRslora,
        ranks,
        alphas,
        variant.withInit(LoraInit.TRUE, false),
        beside);
  }

  /** The same of other linears. */
  LoraConfig of(TargetModules others) {
    return new LoraConfig(
        others, rank, alpha, dropout, useRslora, rankPattern, alphaPattern, variant, beside);
  }
}
