package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.checkpoint.JsonFields;

/** What hybrids read of {@code config.json}, and what they refuse. */
final class HybridFieldsTest {
  private static final Path ROOT = Path.of("../models/src/test/resources/golden/tiny5");

  @TempDir private Path folder;

  private ModelConfig read(String checkpoint, String field, String value) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode all = (ObjectNode) json.readTree(ROOT.resolve(checkpoint + "/config.json").toFile());
    if (value.equals("absent")) {
      all.remove(field);
    } else {
      all.set(field, json.readTree(value));
    }
    Path file = folder.resolve("config.json");
    Files.writeString(file, all.toString());
    return ModelRegistry.installed().read(JsonFields.read(file));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          lfm2 | conv_L_cache | 1 | conv_L_cache is 1, expected 2 or more
          lfm2 | layer_types | ["conv"] | layer_types is ["conv"], expected 4 of full_attention, conv, as num_hidden_layers says
          lfm2 | use_qk_norm | true | use_qk_norm is true, expected false; this family computes nothing else
          lfm2 | mamba_n_heads | 8 | mamba_n_heads is 8, expected no such field; this family does not compute it
          qwen3 | conv_L_cache | 3 | conv_L_cache is 3, expected no such field; this family does not compute it
          qwen3 | attn_output_gate | true | attn_output_gate is true, expected false; this family computes nothing else
          qwen3_5 | attn_output_gate | false | attn_output_gate is false, expected true; this family's attention has a gate
          qwen3_5 | linear_num_value_heads | 3 | linear_num_value_heads is 3, expected a multiple of linear_num_key_heads 2
          qwen3_5 | linear_conv_kernel_dim | 1 | linear_conv_kernel_dim is 1, expected 2 or more
          qwen3_5 | num_experts | 4 | num_experts is 4, expected 0 or 1; this family computes nothing else
          granitemoehybrid | num_local_experts | 8 | num_local_experts is 8, expected 0; mixtures of experts are not supported here
          granitemoehybrid | num_local_experts | absent | num_local_experts is null, expected 0; mixtures of experts are not supported here
          granitemoehybrid | mamba_n_groups | 2 | mamba_n_groups is 2, expected 1; no other number of groups is supported
          granitemoehybrid | mamba_n_heads | 7 | mamba_n_heads is 7, expected a divisor of mamba_expand times hidden_size, 128
          granitemoehybrid | mamba_d_head | 8 | mamba_d_head is 8, expected 16, as mamba_expand, hidden_size and mamba_n_heads say
          granitemoehybrid | time_step_limit | [0.001, 0.1] | time_step_limit is [0.001,0.1], expected [0, Infinity]; other limits are not supported
          granitemoehybrid | normalization_function | "layernorm" | normalization_function is "layernorm", expected "rmsnorm"; no other norm is supported
          granitemoehybrid | position_embedding_type | "alibi" | position_embedding_type is "alibi", expected "rope" or "nope"
          """)
  void read_ofAWrongField_namesIt(String checkpoint, String field, String value, String message) {
    InputException e = assertThrows(InputException.class, () -> read(checkpoint, field, value));
    assertTrue(e.getMessage().endsWith(message), e.getMessage());
  }

  @Test
  void read_ofEarlierNamesOfLayers_isThatOfTheirNames() throws IOException {
    String types =
        """
        ["mamba", "mamba", "attention", "mamba"]""";
    assertEquals(
        read("granitemoehybrid", "mamba_chunk_size", "256"),
        read("granitemoehybrid", "layer_types", types));
  }

  /** As transformers computes it from what LFM2's files state. */
  @Test
  void read_ofAnAdjustedWidth_isTwoThirdsRoundedUp() throws IOException {
    assertEquals(176, read("lfm2", "conv_bias", "false").sizes().intermediateSize());
    assertEquals(256, read("lfm2", "block_auto_adjust_ff_dim", "true").sizes().intermediateSize());
    assertEquals(300, read("lfm2", "block_ff_dim", "300").sizes().intermediateSize());
  }
}
