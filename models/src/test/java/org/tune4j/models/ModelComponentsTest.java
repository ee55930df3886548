package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterConfig;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.Merge;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraAdapter;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.adapters.lora.LoraInit;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.adapters.lora.LoraVariant;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.models.auto.SizedModel;
import org.tune4j.models.layers.Adapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.tensor.DType;

class ModelComponentsTest {
  private static final LoraArguments LORA = LoraArguments.of(AttnModule.Q_PROJ, AttnModule.V_PROJ);

  private static LoraArguments arguments(
      List<AttnModule> attention, int rank, double alpha, double dropout, boolean dora) {
    LoraTargets targets = new LoraTargets(attention, false, false, null, null, null);
    return new LoraArguments(
        targets,
        rank,
        alpha,
        dropout,
        null,
        null,
        false,
        Quantisation.NONE,
        dora,
        dora,
        true,
        false,
        LoraArguments.Beside.NOTHING);
  }

  private static ModelSpec build(String name) {
    return name.startsWith("lora_")
        ? SizedModel.named(name.substring("lora_".length())).lora(LORA)
        : SizedModel.named(name).base();
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
    "gemma_2b, 2506172416",
    "gemma_7b, 8537680896",
    "gemma2_2b, 2614341888",
    "gemma2_9b, 9241705984",
    "gemma2_27b, 27227128320",
    "phi3_mini, 3821079552",
    "phi4_14b, 14659507200",
    "qwen2_0_5b, 494032768",
    "qwen2_1_5b, 1543714304",
    "qwen2_7b, 7615616512",
    "qwen2_5_0_5b, 494032768",
    "qwen2_5_1_5b_base, 1543714304",
    "qwen2_5_1_5b_instruct, 1543714304",
    "qwen2_5_3b, 3085938688",
    "qwen2_5_7b, 7615616512",
    "qwen2_5_7b_base, 7615616512",
    "qwen2_5_7b_instruct, 7615616512",
    "qwen2_5_14b_base, 14770033664",
    "qwen2_5_14b_instruct, 14770033664",
    "qwen2_5_32b_base, 32763876352",
    "qwen2_5_32b_instruct, 32763876352",
    "qwen2_5_72b_base, 72706203648",
    "qwen2_5_72b_instruct, 72706203648",
    "qwen3_0_6b_base, 596049920",
    "qwen3_0_6b_instruct, 596049920",
    "qwen3_1_7b_base, 1720574976",
    "qwen3_1_7b_instruct, 1720574976",
    "qwen3_4b_base, 4022468096",
    "qwen3_4b_instruct, 4022468096",
    "qwen3_8b_base, 8190735360",
    "qwen3_8b_instruct, 8190735360",
    "qwen3_14b_base, 14768307200",
    "qwen3_14b_instruct, 14768307200",
    "qwen3_32b, 32762123264",
    "smollm2_135m, 134515008",
    "smollm2_360m, 361821120",
    "smollm2_1_7b, 1711376384"
  })
  void build_ofEachSize_hasThePublishedParameterCount(String name, long count) {
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
    ModelSpec spec = SizedModel.named("llama2_7b").lora(LORA);
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
  void withConfig_ofACheckpointWithOtherFrequencies_isRefused() {
    ModelSpec llama3 = build("lora_llama3_8b");
    ModelConfig llama31 = Objects.requireNonNull(build("llama3_1_8b").config());
    assertEquals(
        "the checkpoint is not model 'lora_llama3_8b': rope_scaling is {factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192}, expected null; name the checkpoint's own builder, or lora_auto, which reads config.json",
        assertThrows(UsageException.class, () -> llama3.withConfig(llama31)).getMessage());
    assertEquals(llama31, build("lora_llama3_1_8b").withConfig(llama31).config());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora_qwen3_4b_base|qwen3_8b_base|hidden_size is 4096, expected 2560, intermediate_size is 12288, expected 9728, tie_word_embeddings is false, expected true; name",
        "qwen2_5_14b_base|qwen2_5_14b_instruct|rms_norm_eps is 1.0E-6, expected 1.0E-5; name",
        "lora_llama3_2_1b|llama3_2_3b|hidden_size is 3072, expected 2048, num_hidden_layers is 28, expected 16,",
      })
  void withConfig_ofAnotherSize_isRefusedWithBothNumbers(
      String builder, String checkpoint, String differences) {
    ModelSpec spec = build(builder);
    ModelConfig other = SizedModel.named(checkpoint).config();
    String message = assertThrows(UsageException.class, () -> spec.withConfig(other)).getMessage();
    assertTrue(
        message.startsWith("the checkpoint is not model '%s': %s".formatted(builder, differences)),
        message);
  }

  /** As published, but for what tells tokens and dropout. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          qwen2_5_0_5b | {"model_type": "qwen2", "hidden_act": "silu", "hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 21, "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_sliding_window": false, "vocab_size": 151936}
          qwen3_8b_instruct | {"model_type": "qwen3", "attention_bias": false, "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288, "max_position_embeddings": 40960, "max_window_layers": 36, "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151936}
          gemma_2b | {"model_type": "gemma", "attention_bias": false, "head_dim": 256, "hidden_act": "gelu", "hidden_size": 2048, "intermediate_size": 16384, "max_position_embeddings": 8192, "num_attention_heads": 8, "num_hidden_layers": 18, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000.0, "vocab_size": 256000}
          gemma2_2b | {"model_type": "gemma2", "attention_bias": false, "attn_logit_softcapping": 50.0, "cache_implementation": "hybrid", "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "intermediate_size": 9216, "max_position_embeddings": 8192, "num_attention_heads": 8, "num_hidden_layers": 26, "num_key_value_heads": 4, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "vocab_size": 256000}
          phi3_mini | {"model_type": "phi3", "hidden_act": "silu", "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0, "sliding_window": 2047, "tie_word_embeddings": false, "vocab_size": 32064}
          phi4_14b | {"model_type": "phi3", "attention_bias": false, "hidden_act": "silu", "hidden_size": 5120, "intermediate_size": 17920, "max_position_embeddings": 16384, "num_attention_heads": 40, "num_hidden_layers": 40, "num_key_value_heads": 10, "original_max_position_embeddings": 16384, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 250000, "sliding_window": null, "tie_word_embeddings": false, "vocab_size": 100352}
          mistral_7b | {"model_type": "mistral", "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false, "vocab_size": 32000}
          llama3_2_3b | {"model_type": "llama", "attention_bias": false, "head_dim": 128, "hidden_act": "silu", "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false, "num_attention_heads": 24, "num_hidden_layers": 28, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0, "tie_word_embeddings": true, "vocab_size": 128256}
          """)
  void withConfig_ofThePublishedFile_isTheBuilders(String name, String json, @TempDir Path dir)
      throws IOException {
    ModelSpec spec = SizedModel.named(name).base();
    Path file = Files.writeString(dir.resolve("config.json"), json);
    ModelConfig published = spec.reader().read(JsonFields.read(file));
    assertEquals(published, spec.withConfig(published).config());
    assertEquals(spec.config(), published);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "phi3_mini|false|qkv_proj",
        "phi3_mini|true|qkv_proj,gate_up_proj,down_proj",
        "qwen3_0_6b_base|true|v_proj,gate_proj,up_proj,down_proj",
      })
  void lora_byTorchtunesKeys_adaptsWhatIsStoredAsOneAsOne(
      String name, boolean mlp, String linears) {
    LoraTargets targets = new LoraTargets(List.of(AttnModule.V_PROJ), mlp, false, null, null, null);
    LoraArguments lora = new LoraArguments(targets, 8, 16, 0);
    Decoder model = SizedModel.named(name).lora(lora).build(DType.BF16);
    assertEquals(
        List.of(linears.split(",")),
        Adapters.targetModules(model, model.adapter().orElseThrow(), List.of()));
  }

  @Test
  void lora_ofTheOutputAlone_leavesFusedLinears() {
    LoraArguments lora = LoraArguments.of(AttnModule.OUTPUT_PROJ);
    Decoder model = SizedModel.named("phi3_mini").lora(lora).build(DType.BF16);
    assertEquals(
        List.of("o_proj"), Adapters.targetModules(model, model.adapter().orElseThrow(), List.of()));
  }

  @Test
  void named_ofAnUnknownName_listsTheNames() {
    String message =
        assertThrows(UsageException.class, () -> SizedModel.named("llama2_8b")).getMessage();
    assertTrue(
        message.startsWith(
            "model 'llama2_8b' is not known; there are code_llama2_13b, code_llama2_70b,"),
        message);
  }

  @Test
  void build_ofThe70b_takesNoStorage() {
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
            () -> arguments(List.of(AttnModule.Q_PROJ), rank, alpha, dropout, false));
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
        Adapters.targetModules(model, lora, List.of()));
  }

  @Test
  void lora_withoutAKey_needsAnAdapterThatSaysEverything() {
    AdapterConfig config = AutoModel.lora(ModelRegistry.installed(), LoraArguments.of()).adapter();
    config.requireStart(Path.of("adapter"));
    String message =
        "lora_auto has no keys: nothing would be trained; name linears in target_modules or lora_attn_modules, or set checkpointer.adapter_checkpoint, whose adapter_config.json then says everything";
    assertEquals(
        message, assertThrows(UsageException.class, () -> config.requireStart(null)).getMessage());
    assertEquals(
        message,
        assertThrows(UsageException.class, () -> TinyModels.adapted("llama2", config, DType.FP32))
            .getMessage());
  }

  @Test
  void merge_ofABiasIntoALinearWithout_isRefused() {
    LoraVariant biased = new LoraVariant(false, true, LoraInit.TRUE, false);
    LoraConfig lora =
        new LoraConfig(
            TargetModules.of(List.of("q_proj")),
            4,
            8,
            0,
            false,
            Map.of(),
            Map.of(),
            biased,
            LoraConfig.Beside.NOTHING);
    Decoder model = TinyModels.adapted("llama2", lora, DType.FP32);
    assertEquals(
        "the adapter of 'model.layers.0.self_attn.q_proj' cannot be merged: it has a lora_bias, the linear no bias; set save_adapter_weights_only=true and use the adapter as it is",
        assertThrows(UsageException.class, () -> Merge.requirePossible(model)).getMessage());
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
    assertThrows(UsageException.class, () -> arguments(q, 8, 16, 0, true));
    assertThrows(UsageException.class, () -> arguments(q, 8, 16, 0, true)); // and lora_bias
    assertThrows(UsageException.class, () -> arguments(List.of(), 8, 16, 0, false).config());
  }
}
