package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraAdapter;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.models.auto.ModelComponents;
import org.tune4j.models.layers.Adapter;
import org.tune4j.models.llama.Llama2;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.tensor.DType;

class ModelComponentsTest {
  private static final LoraArguments LORA = LoraArguments.of(AttnModule.Q_PROJ, AttnModule.V_PROJ);

  private static LoraArguments arguments(
      List<AttnModule> attention,
      int rank,
      double alpha,
      double dropout,
      boolean quantize,
      boolean dora) {
    LoraTargets targets = new LoraTargets(attention, false, false, null, null, null);
    return new LoraArguments(targets, rank, alpha, dropout, null, null, false, quantize, dora);
  }

  private static Map<String, Method> builders() {
    return new ModelComponents()
        .components().stream()
            .flatMap(c -> Arrays.stream(c.getMethods()))
            .filter(m -> m.isAnnotationPresent(Component.class))
            .collect(
                Collectors.toMap(
                    m -> m.getAnnotation(Component.class).value(),
                    m -> m,
                    (a, b) -> {
                      throw new AssertionError(a + " and " + b);
                    },
                    TreeMap::new));
  }

  private static ModelSpec build(String name) throws ReflectiveOperationException {
    Method m = builders().get(name);
    Object[] args =
        Arrays.stream(m.getParameterTypes())
            .map(type -> type == ModelRegistry.class ? ModelRegistry.installed() : LORA)
            .toArray();
    return (ModelSpec) m.invoke(null, args);
  }

  @Test
  void components_byServiceLoader_haveEveryBuilderPlainAndLora() {
    assertTrue(
        ServiceLoader.load(ComponentProvider.class).stream()
            .anyMatch(p -> p.type() == ModelComponents.class));
    assertEquals(38, builders().size());
  }

  @ParameterizedTest
  @CsvSource({
    "llama2_7b, 6738415616",
    "llama2_13b, 13015864320",
    "llama2_70b, 68976648192",
    "code_llama2_7b, 6738546688",
    "code_llama2_13b, 13016028160",
    "code_llama2_70b, 68976910336",
    "llama3_8b, 8030261248",
    "llama3_70b, 70553706496",
    "llama3_1_8b, 8030261248",
    "llama3_1_70b, 70553706496",
    "llama3_1_405b, 405853388800",
    "llama3_3_70b, 70553706496",
    "llama3_2_1b, 1235814400",
    "llama3_2_3b, 3212749824",
    "mistral_7b, 7241732096",
    "smollm2_135m, 134515008",
    "smollm2_360m, 361821120",
    "smollm2_1_7b, 1711376384"
  })
  void build_ofEachSize_hasThePublishedParameterCount(String name, long count) throws Exception {
    ModelSpec base = build(name);
    ModelSpec lora = build("lora_" + name);
    assertEquals(name, base.name());
    assertEquals(new ParameterSummary(count, count), ParameterSummary.of(base.build(DType.BF16)));
    ParameterSummary adapted = ParameterSummary.of(lora.build(DType.BF16));
    assertEquals(count, adapted.total() - adapted.trainable());
    assertTrue(adapted.trainable() > 0);
  }

  @Test
  void summary_ofLlama27bWithRank8_isTorchtunes() {
    ModelSpec spec = Llama2.lora7b(LORA);
    assertEquals(
        "6,742,609,920 parameters, 4,194,304 trainable (0.06 %)",
        ParameterSummary.of(spec.build(DType.BF16)).toString());
  }

  @Test
  void auto_beforeItsConfigIsRead_refusesToBuild() {
    ModelSpec spec = AutoModel.lora(ModelRegistry.installed(), LORA);
    assertNull(spec.config());
    assertThrows(UsageException.class, () -> spec.build(DType.FP32));
    assertEquals(
        320, spec.withConfig(TinyModels.config("llama2")).build(DType.FP32).config().vocabSize());
  }

  @Test
  void withConfig_ofACheckpointWithOtherFrequencies_isRefused() throws Exception {
    ModelSpec llama3 = build("lora_llama3_8b");
    ModelConfig llama31 = Objects.requireNonNull(build("llama3_1_8b").config());
    assertEquals(
        "the checkpoint is not model 'lora_llama3_8b': rope_scaling is {factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192}, expected null; name the checkpoint's own builder, or lora_auto, which reads config.json",
        assertThrows(UsageException.class, () -> llama3.withConfig(llama31)).getMessage());
    assertEquals(llama31, build("lora_llama3_1_8b").withConfig(llama31).config());
  }

  @Test
  void build_ofThe70b_takesNoStorage() throws Exception {
    ModelSpec large = build("lora_llama3_1_70b");
    assertTrue(
        large.build(DType.BF16).parameters().values().stream().noneMatch(Parameter::hasStorage));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0|16|0|lora_rank is 0, expected 1 or more",
        "8|0|0|lora_alpha is 0.0, expected a number above 0",
        "8|16|1|lora_dropout is 1.0, expected 0 to below 1"
      })
  void lora_withBadArguments_saysWhatIsExpected(
      int rank, double alpha, double dropout, String message) {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> arguments(List.of(AttnModule.Q_PROJ), rank, alpha, dropout, false, false));
    assertEquals(message, e.getMessage());
  }

  @Test
  void lora_withPatterns_givesLinearsTheirOwnRankAndAlpha() {
    LoraConfig lora =
        new LoraConfig(
            TargetModules.of(List.of("k_proj", "model.layers.1.self_attn.q_proj")),
            4,
            8,
            0,
            true,
            Map.of("1.self_attn.q_proj", 16),
            Map.of("model.layers.0.self_attn.k_proj", 2.0));
    Decoder model = TinyModels.adapted("llama2", lora, DType.FP32);
    Map<String, Adapter> adapters = Adapters.of(model);
    assertEquals(
        List.of(
            "model.layers.0.self_attn.k_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.self_attn.k_proj",
            "model.layers.2.self_attn.k_proj"),
        List.copyOf(adapters.keySet()));
    assertEquals(1, scale(adapters, "model.layers.0.self_attn.k_proj"));
    assertEquals(4, scale(adapters, "model.layers.1.self_attn.k_proj"));
    assertEquals(2, scale(adapters, "model.layers.1.self_attn.q_proj"));
    assertEquals(
        16,
        Adapters.parameters(model)
            .get("model.layers.1.self_attn.q_proj.lora_A.weight")
            .shape()
            .size(0));
    assertEquals(
        List.of("model.layers.1.self_attn.q_proj", "k_proj"),
        Adapters.targetModules(model, List.of()));
  }

  private static double scale(Map<String, Adapter> adapters, String path) {
    return ((LoraAdapter) adapters.get(path)).scale();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          q_proj,v_proj | | | 6
          all-linear | | | 21
          .*\\.layers\\.[02]\\..*[qk]_proj | | | 4
          all-linear | mlp.gate_proj,o_proj | | 15
          all-linear | .*mlp.* | | 12
          q_proj,lm_head | | 0 | 1
          q_proj,v_proj | | 0,2 | 4
          """)
  void targetModules_asPeftMeansThem_matchSoManyLinears(
      String targets, String exclude, String layers, int count) {
    TargetModules modules =
        new TargetModules(
            names(targets),
            exclude == null ? TargetModules.Names.NONE : names(exclude),
            layers == null
                ? List.of()
                : Arrays.stream(layers.split(",")).map(Integer::valueOf).toList());
    Decoder model = TinyModels.adapted("llama2", new LoraConfig(modules, 4, 8), DType.FP32);
    assertEquals(count, Adapters.of(model).size());
  }

  private static TargetModules.Names names(String text) {
    return TargetModules.Names.of(text.matches("[a-z_.,]+") ? List.of(text.split(",")) : text);
  }

  @Test
  void targetModules_thatMatchNothing_nameTheLinears() {
    assertEquals(
        "target modules [W_pack] match no linear of the model; name some of down_proj, gate_proj, k_proj, lm_head, o_proj, q_proj, up_proj, v_proj",
        assertThrows(
                UsageException.class,
                () ->
                    TinyModels.adapted(
                        "llama2",
                        new LoraConfig(TargetModules.of(List.of("W_pack")), 4, 8),
                        DType.FP32))
            .getMessage());
  }

  @Test
  void targets_byBothWays_areRefused() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                new LoraTargets(
                    List.of(AttnModule.Q_PROJ), false, false, "all-linear", null, null));
    assertEquals(
        "target_modules and torchtune's lora_attn_modules, apply_lora_to_mlp, apply_lora_to_output are both set; keep one of the two ways",
        e.getMessage());
  }

  @Test
  void lora_withWhatIsNotThereYet_isRefused() {
    List<AttnModule> q = List.of(AttnModule.Q_PROJ);
    assertThrows(UsageException.class, () -> arguments(q, 8, 16, 0, true, false));
    assertThrows(UsageException.class, () -> arguments(q, 8, 16, 0, false, true));
    assertThrows(UsageException.class, () -> arguments(List.of(), 8, 16, 0, false, false));
  }
}
