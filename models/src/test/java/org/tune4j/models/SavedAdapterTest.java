package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.PathPattern;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;

class SavedAdapterTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final String Q = "base_model.model.model.layers.0.self_attn.q_proj.";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "base_model.model.lora_A.weight",
        "base_model.model.lm_head.lora_magnitude_vector",
        "base_model.model.lm_head.lora_B.bias"
      })
  void open_otherName_isRefused(String name) {
    write(zeros(name, 4));
    assertEquals(
        folder.resolve("adapter_model.safetensors")
            + ": adapter tensor '"
            + name
            + "' is not named base_model.model.MODULE followed by lora_A.weight or lora_B.weight;"
            + " save the adapter with PEFT's save_pretrained",
        refusal(() -> open(folder)));
  }

  @Test
  void config_golden_isRead() {
    LoraConfig config = (LoraConfig) open(tiny("lora/qv_r8/initial")).config();
    assertEquals(8, config.rank());
    assertEquals(16, config.alpha());
    assertEquals(0, config.dropout());
    assertTrue(config.targets().matches("model.layers.0.self_attn.q_proj"));
    assertFalse(config.targets().matches("model.layers.0.self_attn.k_proj"));
  }

  @Test
  void config_written_isComplete() throws IOException {
    LoraConfig config = lora(8, 16, 0.05);
    PeftAdapter.write(folder, config.peftFields(List.of("q_proj", "v_proj")), "org/base", Map.of());
    Path file = folder.resolve("adapter_config.json");
    assertEquals(
        """
        {
          "alpha_pattern": {},
          "auto_mapping": null,
          "base_model_name_or_path": "org/base",
          "bias": "none",
          "corda_config": null,
          "eva_config": null,
          "exclude_modules": null,
          "fan_in_fan_out": false,
          "inference_mode": true,
          "init_lora_weights": true,
          "layer_replication": null,
          "layers_pattern": null,
          "layers_to_transform": null,
          "loftq_config": {},
          "lora_alpha": 16,
          "lora_bias": false,
          "lora_dropout": 0.05,
          "megatron_config": null,
          "megatron_core": "megatron.core",
          "modules_to_save": null,
          "peft_type": "LORA",
          "r": 8,
          "rank_pattern": {},
          "revision": null,
          "target_modules": [
            "q_proj",
            "v_proj"
          ],
          "task_type": "CAUSAL_LM",
          "trainable_token_indices": null,
          "use_dora": false,
          "use_rslora": false
        }
        """,
        Files.readString(file));
    assertTrue(
        lora(8, 2.5, 0).peftFields(List.of("q")).get("lora_alpha").equals(2.5), "a fraction stays");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          peft_type | "LOHA" | peft_type is "LOHA", expected "IA3", "LORA" or "VERA"; no other adapter is supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          peft_type |  | peft_type is missing, expected a string
          task_type | "TOKEN_CLS" | task_type is "TOKEN_CLS", expected "CAUSAL_LM" or "SEQ_CLS"
          bias | "all" | bias is "all", expected "none"; trained biases are not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          r | 0 | r is 0, expected an integer of at least 1
          r | -8 | r is -8, expected an integer of at least 1
          lora_alpha | 0 | lora_alpha is 0, expected a number above 0
          lora_dropout | 1 | lora_dropout is 1, expected a number of at least 0 and below 1
          modules_to_save | "lm_head" | modules_to_save is "lm_head", expected a list of names such as ["embed_tokens","lm_head"]
          target_parameters | [1] | target_parameters is [1], expected a list of names such as ["mlp.experts.gate_up_proj"]
          trainable_token_indices | [-1] | trainable_token_indices is [-1], expected a list of token ids, or an object of such lists by the embedding's name
          trainable_token_indices | {"embed_tokens":["a"]} | trainable_token_indices is {"embed_tokens":["a"]}, expected a list of token ids, or an object of such lists by the embedding's name
          layer_replication | [[0,4]] | layer_replication is [[0,4]], expected null, false or empty; this option of PEFT is not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          alora_invocation_tokens | [5] | alora_invocation_tokens is [5], expected null, false or empty; this option of PEFT is not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          kasa_config | {"beta":1} | kasa_config is {"beta":1}, expected null, false or empty; this option of PEFT is not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          init_lora_weights | "pissa_niter_4" | init_lora_weights is "pissa_niter_4", expected true, gaussian, eva, orthogonal, pissa or olora; this one changes the base model, convert the adapter with PEFT's path_initial_model_for_weight_conversion
          target_modules | [1] | target_modules is [1], expected a list of module names such as ["q_proj","v_proj"], or a regular expression
          use_dora | "yes" | use_dora is "yes", expected true or false
          target_modules | {"a":1} | target_modules is {"a":1}, expected a list of module names such as ["q_proj","v_proj"], or a regular expression
          use_rslora | 1 | use_rslora is 1, expected true or false
          rank_pattern | {"q_proj":0} | rank_pattern.q_proj is 0, expected an integer of at least 1
          alpha_pattern | {"q_proj":"a"} | alpha_pattern.q_proj is "a", expected a number above 0
          alpha_pattern | {"(q_proj":4} | alpha_pattern is {"(q_proj":4}, expected names, paths or regular expressions of at most 1000 characters
          """)
  void config_wrongField_saysFileAndField(String field, String value, String rule)
      throws IOException {
    Path golden = tiny("lora/qv_r8/initial");
    Files.copy(
        golden.resolve("adapter_model.safetensors"), folder.resolve("adapter_model.safetensors"));
    ObjectNode json =
        (ObjectNode) MAPPER.readTree(Files.readAllBytes(golden.resolve("adapter_config.json")));
    json.remove(field);
    if (value != null) {
      json.set(field, MAPPER.readTree(value));
    }
    Path file = Files.writeString(folder.resolve("adapter_config.json"), json.toString());
    assertEquals(file + ": " + rule, refusal(() -> open(folder)));
  }

  /** Every key of PEFT's LoraConfig that is off: null, false, empty or at its default. */
  @Test
  void config_withKeysThatAreOff_isRead() throws IOException {
    Path golden = tiny("lora/qv_r8/initial");
    Files.copy(
        golden.resolve("adapter_model.safetensors"), folder.resolve("adapter_model.safetensors"));
    Files.writeString(
        folder.resolve("adapter_config.json"),
        """
        {"peft_type": "LORA", "target_modules": ["q_proj", "v_proj"], "lora_alpha": null,
         "modules_to_save": [], "lora_bias": false, "layer_replication": [], "target_parameters": [],
         "trainable_token_indices": [], "use_qalora": false, "qalora_group_size": 16,
         "use_bdlora": null, "arrow_config": {}, "alora_invocation_tokens": [], "kasa_config": null,
         "monteclora_config": null, "velora_config": null, "megatron_config": null,
         "megatron_core": "megatron.core", "loftq_config": {}, "eva_config": null,
         "corda_config": null, "lora_ga_config": null, "ensure_weight_tying": false,
         "task_type": null, "bias": "none", "use_dora": false, "init_lora_weights": "gaussian",
         "rank_pattern": null, "alpha_pattern": {}, "fan_in_fan_out": false, "revision": null}
        """);
    LoraConfig config = (LoraConfig) open(folder).config();
    assertEquals(8, config.rank());
    assertEquals(8, config.alpha(), "PEFT's default");
    assertTrue(config.isPlain());
  }

  @Test
  void open_folderOrFile_givesTheSame() {
    Path golden = tiny("lora/all_r4/initial");
    SavedAdapter adapter = open(golden);
    assertEquals(adapter.tensors(), open(golden.resolve("adapter_model.safetensors")).tensors());
    assertEquals(44, adapter.tensors().size());
    assertEquals(22, adapter.modules().size());
    assertEquals(
        List.of(4L, 64L),
        adapter.tensors().get(new AdapterTensor("lm_head", "lora_A.weight")).shape());
  }

  @Test
  void open_missingFiles_saysTheFix() throws IOException {
    Path none = folder.resolve("none");
    assertEquals(
        "the adapter "
            + none
            + " does not exist; give its folder or its adapter_model.safetensors as"
            + " adapter_checkpoint",
        refusal(() -> open(none)));
    String noFile = "the adapter folder " + folder + " has no adapter_model.safetensors";
    assertEquals(
        noFile + "; give the folder that PEFT's save_pretrained wrote",
        refusal(() -> open(folder)));
    Files.createFile(folder.resolve("adapter_model.bin"));
    assertEquals(
        noFile + ", only adapter_model.bin; save it with safe_serialization=True",
        refusal(() -> open(folder)));
    Files.createFile(folder.resolve("adapter_model.safetensors"));
    assertEquals(
        folder.resolve("adapter_config.json")
            + " does not exist; an adapter is adapter_model.safetensors with adapter_config.json"
            + " beside",
        refusal(() -> open(folder)));
  }

  @Test
  void open_contradictions_sayWhich() {
    StoredTensor a = zeros(Q + "lora_A.weight", 4, 6);
    StoredTensor b = zeros(Q + "lora_B.weight", 5, 4);
    assertUnsound("it holds no tensors");
    assertUnsound("'" + Q + "lora_B.weight' is missing", a);
    assertUnsound(
        "'" + Q + "lora_A.weight' has the shape [8, 6], expected [4, in]",
        zeros(Q + "lora_A.weight", 8, 6),
        b);
    assertUnsound(
        "'" + Q + "lora_B.weight' has the shape [5, 8], expected [out, 4]",
        a,
        zeros(Q + "lora_B.weight", 5, 8));
    String head = "base_model.model.lm_head.lora_A.weight";
    assertUnsound(
        "'" + head + "' belongs to none of the target modules [q_proj]", a, b, zeros(head, 4, 6));
  }

  @Test
  void open_targetThatMatchedNothing_isNoContradiction() {
    write(zeros(Q + "lora_A.weight", 4, 6), zeros(Q + "lora_B.weight", 5, 4));
    configure(List.of("q_proj", "W_pack"), Map.of());
    assertEquals(List.of("model.layers.0.self_attn.q_proj"), open(folder).modules());
  }

  @Test
  void open_targetsOtherThanNames_areThoseOfTheTensors() throws IOException {
    write(zeros(Q + "lora_A.weight", 4, 6), zeros(Q + "lora_B.weight", 5, 4));
    Path file = folder.resolve("adapter_config.json");
    for (String targets : List.of("\".*(q|v)_proj\"", "\"all-linear\"", "null", "[]")) {
      ObjectNode json = (ObjectNode) MAPPER.readTree(Files.readAllBytes(file));
      json.set("target_modules", MAPPER.readTree(targets));
      json.set("exclude_modules", MAPPER.readTree("[\"k_proj\"]"));
      json.put("layers_to_transform", 0).put("layers_pattern", "layers");
      Files.writeString(file, json.toString());
      assertEquals(1, open(folder).modules().size());
    }
  }

  @Test
  void open_baseWeightsBesideAdapters_areApart() {
    write(
        zeros(Q + "lora_A.weight", 4, 6),
        zeros(Q + "lora_B.weight", 5, 4),
        zeros("base_model.model.lm_head.base_layer.weight", 7, 6),
        zeros("base_model.model.model.embed_tokens.weight", 7, 6));
    SavedAdapter adapter = open(folder);
    assertEquals(2, adapter.tensors().size());
    assertEquals(
        List.of("lm_head.weight", "model.embed_tokens.weight"),
        List.copyOf(adapter.baseWeights().keySet()));
  }

  @Test
  void open_adaptedEmbedding_namesTheWayOut() {
    write(zeros("base_model.model.model.embed_tokens.lora_embedding_A", 4, 6));
    String message = refusal(() -> open(folder));
    assertTrue(message.contains("lora_embedding_A"), message);
    assertTrue(message.contains("merge_and_unload"), message);
  }

  @Test
  void open_runsFolder_namesItsAdapters() throws IOException {
    for (String name : List.of("epoch_10", "epoch_9", "best", "logs")) {
      Files.createDirectory(folder.resolve(name));
      if (!name.equals("logs")) {
        Files.createFile(folder.resolve(name).resolve("adapter_model.safetensors"));
      }
    }
    assertEquals(
        "%1$s is a run's folder, not an adapter's; give one of %1$s/best, %1$s/epoch_9, %1$s/epoch_10"
            .formatted(folder),
        refusal(() -> open(folder)));
  }

  @Test
  void patterns_firstThatMatchesThePathsEnd_counts() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("layers.1.self_attn.q_proj", 2);
    ranks.put("(q|v)_proj", 3);
    ranks.put("q_proj", 5);
    ranks.put("^lm_head", 6);
    assertEquals(2, PathPattern.first(ranks, "model.layers.1.self_attn.q_proj").orElseThrow());
    assertEquals(3, PathPattern.first(ranks, "model.layers.11.self_attn.q_proj").orElseThrow());
    assertTrue(PathPattern.first(ranks, "model.layers.1.self_attn.xq_proj").isEmpty());
    assertEquals(6, PathPattern.first(ranks, "lm_head").orElseThrow());
  }

  @Test
  void patterns_thatTakeTooLong_endInWords() {
    write(zeros(Q + "lora_A.weight", 4, 6), zeros(Q + "lora_B.weight", 5, 4));
    configure(List.of("q_proj"), Map.of("(.*)*\\1y", 2));
    assertEquals(
        "the pattern '(.*)*\\1y' of an adapter takes too long to match"
            + " 'model.layers.0.self_attn.q_proj'; name the module's path instead",
        refusal(() -> open(folder)));
  }

  private void assertUnsound(String why, StoredTensor... tensors) {
    write(tensors);
    assertEquals(unsound(why), refusal(() -> open(folder)));
  }

  private String unsound(String why) {
    return "the adapter "
        + folder.resolve("adapter_model.safetensors")
        + " is not valid: "
        + why
        + "; save it again with PEFT";
  }

  private void write(StoredTensor... tensors) {
    configure(List.of("q_proj"), Map.of());
    SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), List.of(tensors));
  }

  private void configure(List<String> targets, Map<String, Integer> ranks) {
    Map<String, Object> fields =
        new LinkedHashMap<>(
            new LoraConfig(TargetModules.of(targets), 4, 8, 0, false, ranks, Map.of())
                .peftFields(targets));
    fields.values().removeIf(Objects::isNull);
    try {
      Files.writeString(folder.resolve("adapter_config.json"), MAPPER.writeValueAsString(fields));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static LoraConfig lora(int rank, double alpha, double dropout) {
    return new LoraConfig(
        TargetModules.of(List.of("q_proj", "v_proj")),
        rank,
        alpha,
        dropout,
        false,
        Map.of(),
        Map.of());
  }

  private static SavedAdapter open(Path path) {
    return ModelRegistry.installed().open(path);
  }

  private static Path tiny(String path) {
    return Path.of("src/test/resources/golden/tiny/" + path);
  }

  private static StoredTensor zeros(String name, long... shape) {
    List<Long> sizes = java.util.Arrays.stream(shape).boxed().toList();
    int bytes = (int) java.util.Arrays.stream(shape).reduce(4, (a, b) -> a * b);
    return new StoredTensor(
        name, SafetensorsType.F32, sizes, channel -> channel.write(ByteBuffer.allocate(bytes)));
  }

  private static String refusal(Executable call) {
    TuneException e = assertThrows(InputException.class, call);
    return e.getMessage();
  }
}
