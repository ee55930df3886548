package org.tune4j.models.gemma;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;

class Gemma4FamilyTest {
  private static final Path GOLDEN = Path.of("../models/src/test/resources/golden/tiny5/gemma4_e");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  /** The golden config with fields replaced, or removed where the value is null. */
  private ModelConfig read(Map<String, String> changes) throws IOException {
    ObjectNode json = (ObjectNode) JSON.readTree(GOLDEN.resolve("config.json").toFile());
    for (Map.Entry<String, String> change : changes.entrySet()) {
      JsonNode value = JSON.readTree(change.getValue());
      if (value.isNull()) {
        json.remove(change.getKey());
      } else {
        json.set(change.getKey(), value);
      }
    }
    Path file = Files.writeString(folder.resolve("config.json"), json.toString());
    return new Gemma4Family().read(JsonFields.read(file));
  }

  /** The published files say what full layers have, later ones what each layer has. */
  @Test
  void read_headDimOfFullLayers_isThatOfEach() throws IOException {
    ModelConfig published = read(Map.of("per_layer_config", "null", "global_head_dim", "32"));
    assertEquals(read(Map.of()), published);
    assertTrue(read(Map.of("per_layer_config", "null")).toString().contains("headDim=512"));
  }

  @Test
  void read_absentRope_rotatesAQuarterOfFullLayers() throws IOException {
    assertEquals(
        read(Map.of()).facts().get("layers"),
        read(Map.of("rope_parameters", "null")).facts().get("layers"));
  }

  @Test
  void build_valuesOfKeys_hasNoValuesInFullLayers() throws IOException {
    Decoder model =
        read(Map.of(
                "per_layer_config",
                "null",
                "global_head_dim",
                "32",
                "attention_k_eq_v",
                "true",
                "num_global_key_value_heads",
                "1"))
            .build(DType.FP32);
    assertEquals(
        List.of(2, 1, 2, 1),
        model.layers().stream()
            .map(layer -> layer.attentionShape())
            .map(AttentionShape::numKvHeads)
            .toList());
    String layers = "model.layers.";
    assertTrue(model.parameters().containsKey(layers + "0.self_attn.v_proj.weight"));
    assertEquals(
        Shape.of(32, 64), model.parameters().get(layers + "1.self_attn.k_proj.weight").shape());
    assertTrue(!model.parameters().containsKey(layers + "1.self_attn.v_proj.weight"));
  }

  /** The sharing layers take them from the last layer of their type below. */
  @Test
  void layers_takeWhatTheyAndThoseAboveNeed() throws IOException {
    Decoder model = read(Map.of()).build(DType.FP32);
    // Four layers' inputs of 16; keys and values of 2 heads of 16, then of 32, for layers 2 and 3.
    assertEquals(
        List.of(64L, 48L + 64, 32L + 64 + 128, 16L + 128),
        model.layers().stream().map(layer -> layer.sideWidth()).toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          enable_moe_block | true | enable_moe_block is true, expected false; this family computes nothing else
          use_bidirectional_attention | "all" | use_bidirectional_attention is "all", expected null or "vision"
          num_kv_shared_layers | 3 | num_kv_shared_layers is 3, expected a number that leaves a layer of each of layer_types
          vocab_size_per_layer_input | 100 | vocab_size_per_layer_input is 100, expected vocab_size 320 or more
          per_layer_config | {"1":{"sliding_window":4}} | per_layer_config.1.sliding_window is 4, expected no such field; this family does not compute it
          per_layer_config | {"1":{"num_key_value_heads":3}} | per_layer_config is {"1":{"num_key_value_heads":3}}, expected even head_dim and divisors of num_attention_heads 4
          attn_logit_softcapping | 50.0 | attn_logit_softcapping is 50.0, expected 0 or 0.0; this family computes nothing else
          """)
  void read_whatItDoesNotCompute_isRefusedByName(String field, String value, String rule) {
    assertEquals(
        folder.resolve("config.json") + ": " + rule,
        assertThrows(InputException.class, () -> read(Map.of(field, value))).getMessage());
  }
}
