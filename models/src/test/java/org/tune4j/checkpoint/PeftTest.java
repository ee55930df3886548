package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.PeftNames.AdapterTensor;
import org.tune4j.checkpoint.PeftNames.Part;

class PeftTest {
  private static final String Q = "base_model.model.model.layers.0.self_attn.q_proj.";

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight,"
        + " model.layers.0.self_attn.q_proj, LORA_A",
    "base_model.model.model.layers.1.mlp.up_proj.lora_B.weight, model.layers.1.mlp.up_proj, LORA_B",
    "base_model.model.lm_head.lora_A.weight, lm_head, LORA_A",
    "base_model.model.lm_head.lora_magnitude_vector, lm_head, MAGNITUDE"
  })
  void parse_peftName_goesBothWays(String name, String module, Part part) {
    AdapterTensor tensor = new AdapterTensor(module, part);
    assertEquals(tensor, PeftNames.parse(name));
    assertEquals(name, tensor.peftName());
  }

  @Test
  void parse_magnitudeWithWeight_isRead() {
    assertEquals(
        new AdapterTensor("lm_head", Part.MAGNITUDE),
        PeftNames.parse("base_model.model.lm_head.lora_magnitude_vector.weight"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "base_model.model.lora_A.weight",
        "base_model.model.lm_head.weight",
        "base_model.model.lm_head.lora_B.bias"
      })
  void parse_otherName_isRefused(String name) {
    assertEquals(
        "Adapter tensor '"
            + name
            + "' is none of base_model.model.MODULE followed by lora_A.weight, lora_B.weight or"
            + " lora_magnitude_vector; save the adapter with PEFT's save_pretrained",
        refusal(() -> PeftNames.parse(name)));
  }

  @Test
  void config_golden_isRead() {
    PeftAdapterConfig config =
        PeftAdapterConfig.read(Golden.tiny("lora/qv_r8/initial/adapter_config.json"));
    assertEquals(new PeftAdapterConfig(8, 16, 0, List.of("q_proj", "v_proj"), false, null), config);
    assertTrue(config.targets("model.layers.0.self_attn.q_proj"));
    assertFalse(config.targets("model.layers.0.self_attn.xq_proj"));
  }

  @Test
  void config_written_isComplete() throws IOException {
    PeftAdapterConfig config =
        new PeftAdapterConfig(8, 16, 0.05, List.of("q_proj", "v_proj"), true, "org/base");
    config.write(folder);
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
          "use_dora": true,
          "use_rslora": false
        }
        """,
        Files.readString(file));
    assertEquals(config, PeftAdapterConfig.read(file));
    assertEquals(List.of("adapter_config.json"), Golden.names(folder));
    new PeftAdapterConfig(8, 2.5, 0, List.of("q"), false, null).write(folder);
    assertEquals(2.5, PeftAdapterConfig.read(file).alpha());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          peft_type | "LOHA" | peft_type is "LOHA", expected "LORA"; no other adapter is supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          peft_type |  | peft_type is missing, expected a text
          task_type | "SEQ_CLS" | task_type is "SEQ_CLS", expected "CAUSAL_LM"
          bias | "all" | bias is "all", expected "none"; trained biases are not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          r | 0 | r is 0, expected a whole number of at least 1
          r | -8 | r is -8, expected a whole number of at least 1
          r |  | r is missing, expected a whole number of at least 1
          lora_alpha | 0 | lora_alpha is 0, expected a number above 0
          lora_dropout | 1 | lora_dropout is 1, expected a number of at least 0 and below 1
          modules_to_save | ["lm_head"] | modules_to_save is ["lm_head"], expected null, false or empty; this option of PEFT is not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          lora_bias | true | lora_bias is true, expected null, false or empty; this option of PEFT is not supported, merge the adapter into its base model with PEFT's merge_and_unload and use that model
          init_lora_weights | "pissa_niter_4" | init_lora_weights is "pissa_niter_4", expected true; this initialisation changes the base model, convert the adapter with PEFT's path_initial_model_for_weight_conversion
          target_modules | [1] | target_modules is [1], expected a list of module names such as ["q_proj","v_proj"], or a regular expression
          use_dora | "yes" | use_dora is "yes", expected true or false
          target_modules | {"a":1} | target_modules is {"a":1}, expected a list of module names such as ["q_proj","v_proj"], or a regular expression
          use_rslora | 1 | use_rslora is 1, expected true or false
          rank_pattern | {"q_proj":0} | rank_pattern.q_proj is 0, expected a whole number of at least 1
          alpha_pattern | {"q_proj":"a"} | alpha_pattern.q_proj is "a", expected a number above 0
          alpha_pattern | {"(q_proj":4} | alpha_pattern is {"(q_proj":4}, expected names, paths or regular expressions of at most 1000 characters
          """)
  void config_wrongField_saysFileAndField(String field, String value, String rule)
      throws IOException {
    Path golden = Golden.tiny("lora/qv_r8/initial/adapter_config.json");
    ObjectNode json = (ObjectNode) JsonFields.MAPPER.readTree(Files.readAllBytes(golden));
    json.remove(field);
    if (value != null) {
      json.set(field, JsonFields.MAPPER.readTree(value));
    }
    Path file = Files.writeString(folder.resolve("adapter_config.json"), json.toString());
    assertEquals(file + ": " + rule, refusal(() -> PeftAdapterConfig.read(file)));
  }

  @Test
  void config_valueOutOfRange_isRefused() {
    assertEquals(
        "The LoRA rank is 0, expected at least 1",
        usage(() -> new PeftAdapterConfig(0, 1, 0, List.of("q"), false, null)));
    assertEquals(
        "The LoRA alpha is NaN, expected a number above 0",
        usage(() -> new PeftAdapterConfig(1, Double.NaN, 0, List.of("q"), false, null)));
    assertEquals(
        "The LoRA dropout is 1.0, expected at least 0 and below 1",
        usage(() -> new PeftAdapterConfig(1, 1, 1, List.of("q"), false, null)));
  }

  @Test
  void open_folderOrFile_givesTheSame() {
    Path golden = Golden.tiny("lora/all_r4/initial");
    PeftAdapter adapter = PeftAdapter.open(golden);
    assertEquals(adapter, PeftAdapter.open(golden.resolve("adapter_model.safetensors")));
    assertEquals(44, adapter.tensors().size());
    assertEquals(22, adapter.modules().size());
    assertEquals(4, adapter.config().rank());
    assertEquals(
        List.of(4L, 64L), adapter.tensors().get(new AdapterTensor("lm_head", Part.LORA_A)).shape());
  }

  @Test
  void open_missingFiles_saysTheFix() throws IOException {
    Path none = folder.resolve("none");
    assertEquals(
        "The adapter "
            + none
            + " does not exist; give its folder or its adapter_model.safetensors as"
            + " adapter_checkpoint",
        refusal(() -> PeftAdapter.open(none)));
    String noFile = "The adapter folder " + folder + " has no adapter_model.safetensors";
    assertEquals(
        noFile + "; give the folder that PEFT's save_pretrained wrote",
        refusal(() -> PeftAdapter.open(folder)));
    Files.createFile(folder.resolve("adapter_model.bin"));
    assertEquals(
        noFile + ", only adapter_model.bin; save it with safe_serialization=True",
        refusal(() -> PeftAdapter.open(folder)));
    Files.createFile(folder.resolve("adapter_model.safetensors"));
    assertEquals(
        folder.resolve("adapter_config.json")
            + " does not exist; an adapter is adapter_model.safetensors with adapter_config.json"
            + " beside",
        refusal(() -> PeftAdapter.open(folder)));
  }

  @Test
  void open_dora_wantsMagnitudes() {
    StoredTensor a = zeros(Q + "lora_A.weight", 4, 6);
    StoredTensor b = zeros(Q + "lora_B.weight", 5, 4);
    StoredTensor m = zeros(Q + "lora_magnitude_vector", 5);
    write(true, a, b, m);
    assertEquals(3, PeftAdapter.open(folder).tensors().size());
    assertUnsound(true, "'" + Q + "lora_magnitude_vector' is missing", a, b);
    assertUnsound(
        false,
        "'" + Q + "lora_magnitude_vector' is a DoRA magnitude, but the config says use_dora false",
        a,
        b,
        m);
    assertUnsound(
        true,
        "'" + Q + "lora_magnitude_vector' has the shape [5, 1], expected [out]",
        a,
        b,
        zeros(Q + "lora_magnitude_vector", 5, 1));
  }

  @Test
  void open_contradictions_sayWhich() {
    StoredTensor a = zeros(Q + "lora_A.weight", 4, 6);
    StoredTensor b = zeros(Q + "lora_B.weight", 5, 4);
    assertUnsound(false, "it holds no tensors");
    assertUnsound(false, "'" + Q + "lora_B.weight' is missing", a);
    assertUnsound(
        false,
        "'" + Q + "lora_A.weight' has the shape [8, 6], expected [4, in]",
        zeros(Q + "lora_A.weight", 8, 6),
        b);
    assertUnsound(
        false,
        "'" + Q + "lora_B.weight' has the shape [5, 8], expected [out, 4]",
        a,
        zeros(Q + "lora_B.weight", 5, 8));
    String head = "base_model.model.lm_head.lora_A.weight";
    assertUnsound(
        false, "'" + head + "' is of none of the target modules [q_proj]", a, b, zeros(head, 4, 6));
  }

  @Test
  void open_targetThatMatchedNothing_isNoContradiction() {
    write(false, zeros(Q + "lora_A.weight", 4, 6), zeros(Q + "lora_B.weight", 5, 4));
    new PeftAdapterConfig(4, 8, 0, List.of("q_proj", "W_pack"), false, null).write(folder);
    assertEquals(List.of("model.layers.0.self_attn.q_proj"), PeftAdapter.open(folder).modules());
  }

  @Test
  void open_targetsOtherThanNames_areThoseOfTheTensors() throws IOException {
    write(false, zeros(Q + "lora_A.weight", 4, 6), zeros(Q + "lora_B.weight", 5, 4));
    Path file = folder.resolve("adapter_config.json");
    for (String targets : List.of("\".*(q|v)_proj\"", "\"all-linear\"", "null", "[]")) {
      ObjectNode json = (ObjectNode) JsonFields.MAPPER.readTree(Files.readAllBytes(file));
      json.set("target_modules", JsonFields.MAPPER.readTree(targets));
      json.set("exclude_modules", JsonFields.MAPPER.readTree("[\"k_proj\"]"));
      json.put("layers_to_transform", 0).put("layers_pattern", "layers");
      Files.writeString(file, json.toString());
      assertEquals(1, PeftAdapter.open(folder).modules().size());
    }
  }

  @Test
  void open_baseWeightsBesideAdapters_areApart() {
    write(
        false,
        zeros(Q + "lora_A.weight", 4, 6),
        zeros(Q + "lora_B.weight", 5, 4),
        zeros("base_model.model.lm_head.base_layer.weight", 7, 6),
        zeros("base_model.model.model.embed_tokens.weight", 7, 6));
    PeftAdapter adapter = PeftAdapter.open(folder);
    assertEquals(2, adapter.tensors().size());
    assertEquals(
        List.of("lm_head.weight", "model.embed_tokens.weight"),
        List.copyOf(adapter.baseWeights().keySet()));
  }

  @Test
  void open_adaptedEmbedding_namesTheWayOut() {
    write(false, zeros("base_model.model.model.embed_tokens.lora_embedding_A", 4, 6));
    String message = refusal(() -> PeftAdapter.open(folder));
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
        refusal(() -> PeftAdapter.open(folder)));
  }

  @Test
  void patterns_firstThatMatchesThePathsEnd_counts() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("layers.1.self_attn.q_proj", 2);
    ranks.put("(q|v)_proj", 3);
    ranks.put("q_proj", 5);
    ranks.put("^lm_head", 6);
    PeftAdapterConfig config =
        new PeftAdapterConfig(
            8, 16, 0, List.of("q_proj"), false, null, true, ranks, Map.of("k_proj", 2.5));
    assertEquals(2, config.rank("model.layers.1.self_attn.q_proj"));
    assertEquals(3, config.rank("model.layers.11.self_attn.q_proj"));
    assertEquals(8, config.rank("model.layers.1.self_attn.xq_proj"));
    assertEquals(6, config.rank("lm_head"));
    assertEquals(2.5, config.alpha("model.layers.0.self_attn.k_proj"));
    assertEquals(16, config.alpha("model.layers.0.self_attn.v_proj"));
    config.write(folder);
    assertEquals(config, PeftAdapterConfig.read(folder.resolve("adapter_config.json")));
  }

  @Test
  void patterns_thatTakeTooLong_endInWords() {
    PeftAdapterConfig config =
        new PeftAdapterConfig(
            8, 16, 0, List.of(), false, null, false, Map.of("(.*)*\\1y", 2), Map.of());
    assertEquals(
        "The pattern '(.*)*\\1y' of an adapter takes too long to match"
            + " 'model.layers.0.self_attn.q_proj'; name the module's path instead",
        refusal(() -> config.rank("model.layers.0.self_attn.q_proj")));
  }

  @Test
  void open_foreignName_saysWhere() {
    write(false, zeros("lm_head.weight", 4));
    assertEquals(
        folder.resolve("adapter_model.safetensors")
            + ": Adapter tensor 'lm_head.weight' is none of base_model.model.MODULE followed by"
            + " lora_A.weight, lora_B.weight or lora_magnitude_vector; save the adapter with"
            + " PEFT's save_pretrained",
        refusal(() -> PeftAdapter.open(folder)));
  }

  private void assertUnsound(boolean dora, String why, StoredTensor... tensors) {
    write(dora, tensors);
    assertEquals(unsound(why), refusal(() -> PeftAdapter.open(folder)));
  }

  private String unsound(String why) {
    return "The adapter "
        + folder.resolve("adapter_model.safetensors")
        + " is not sound: "
        + why
        + "; save it again with PEFT";
  }

  private void write(boolean dora, StoredTensor... tensors) {
    new PeftAdapterConfig(4, 8, 0, List.of("q_proj"), dora, null).write(folder);
    SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), List.of(tensors));
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

  private static String usage(Executable call) {
    return assertThrows(UsageException.class, call).getMessage();
  }
}
