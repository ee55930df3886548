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
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.models.llama2.Llama2;
import org.tune4j.nn.Parameter;
import org.tune4j.peft.Adapters;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.tensor.DType;

class ModelComponentsTest {
  private static final List<AttnModule> QV = List.of(AttnModule.Q_PROJ, AttnModule.V_PROJ);

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
    Object[] args = {new LoraArguments(QV, false, false, 8, 16, 0, false, false)};
    return (ModelSpec) m.invoke(null, m.getParameterCount() == 0 ? new Object[0] : args);
  }

  @Test
  void components_byServiceLoader_haveEveryBuilderPlainAndLora() {
    assertTrue(
        ServiceLoader.load(ComponentProvider.class).stream()
            .anyMatch(p -> p.type() == ModelComponents.class));
    assertEquals(30, builders().size());
  }

  @ParameterizedTest
  @CsvSource({
    "llama2_7b, 6738415616",
    "llama2_13b, 13015864320",
    "llama2_70b, 68976648192",
    "code_llama2_7b, 6738546688",
    "llama3_8b, 8030261248",
    "llama3_70b, 70553706496",
    "llama3_1_8b, 8030261248",
    "llama3_1_70b, 70553706496",
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
    ModelSpec spec = Llama2.lora7b(new LoraArguments(QV, false, false, 8, 16, 0, false, false));
    assertEquals(
        "6,742,609,920 parameters, 4,194,304 trainable (0.06 %)",
        ParameterSummary.of(spec.build(DType.BF16)).toString());
  }

  @Test
  void auto_beforeItsConfigIsRead_refusesToBuild() {
    ModelSpec spec = AutoModel.lora(new LoraArguments(QV, false, false, 8, 16, 0, false, false));
    assertNull(spec.config());
    assertThrows(UsageException.class, () -> spec.build(DType.FP32));
    assertEquals(
        320, spec.withConfig(TinyModels.config("llama2")).build(DType.FP32).config().vocabSize());
  }

  @Test
  void withConfig_ofACheckpointWithOtherFrequencies_isRefused() throws Exception {
    ModelSpec llama3 = build("lora_llama3_8b");
    DecoderConfig llama31 = Objects.requireNonNull(build("llama3_1_8b").config());
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
            () ->
                Llama2.lora7b(
                    new LoraArguments(QV, false, false, rank, alpha, dropout, false, false)));
    assertEquals(message, e.getMessage());
  }

  @Test
  void lora_byPath_hasItsOwnRankAndAlpha() {
    LoraConfig lora =
        new LoraConfig(
            List.of("k_proj", "model.layers.1.self_attn.q_proj"),
            4,
            8,
            0,
            true,
            Map.of("model.layers.1.self_attn.q_proj", 16),
            Map.of("model.layers.0.self_attn.k_proj", 2.0));
    assertEquals(1, lora.at("model.layers.0.self_attn.k_proj").orElseThrow().scale());
    assertEquals(4, lora.at("model.layers.1.self_attn.k_proj").orElseThrow().scale());
    assertEquals(16, lora.at("model.layers.1.self_attn.q_proj").orElseThrow().rank());
    assertEquals(2, lora.at("model.layers.1.self_attn.q_proj").orElseThrow().scale());
    assertTrue(lora.at("model.layers.11.self_attn.q_proj").isEmpty());
    assertTrue(lora.at("model.layers.1.self_attn.xk_proj").isEmpty());
    assertEquals(
        List.of(
            "model.layers.0.self_attn.k_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.self_attn.k_proj",
            "model.layers.2.self_attn.k_proj"),
        List.copyOf(
            Adapters.linears(new Decoder(TinyModels.config("llama2"), lora, DType.FP32)).keySet()));
  }

  @Test
  void lora_withWhatIsNotThereYet_isRefused() {
    assertThrows(
        UsageException.class,
        () -> Llama2.lora7b(new LoraArguments(QV, false, false, 8, 16, 0, true, false)));
    assertThrows(
        UsageException.class,
        () -> Llama2.lora7b(new LoraArguments(QV, false, false, 8, 16, 0, false, true)));
    assertThrows(
        UsageException.class,
        () -> Llama2.lora7b(new LoraArguments(List.of(), false, false, 8, 16, 0, false, false)));
  }
}
