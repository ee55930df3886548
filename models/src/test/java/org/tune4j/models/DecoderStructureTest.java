package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.tensor.DType;

class DecoderStructureTest {
  @Test
  void toString_ofADecoder_printsAlikeLayersOnce() {
    LoraConfig lora = new LoraConfig(TargetModules.of(List.of("q_proj")), 4, 8);
    assertEquals(
        """
        Decoder(
          (model): DecoderBody(
            (embed_tokens): Embedding(320, 64)
            (layers): ModuleList(
              (0-2): 3 x ResidualBlock(
                (self_attn): Attention(
                  (q_proj): Linear(
                    in=64, out=64, LoraAdapter(rank=4, alpha=8.0, dropout=0.0)
                    (lora_A): Linear(in=64, out=4)
                    (lora_B): Linear(in=4, out=64)
                  )
                  (k_proj): Linear(in=64, out=32)
                  (v_proj): Linear(in=64, out=32)
                  (o_proj): Linear(in=64, out=64)
                )
                (mlp): GatedMlp(
                  (gate_proj): Linear(in=64, out=176)
                  (up_proj): Linear(in=64, out=176)
                  (down_proj): Linear(in=176, out=64)
                )
                (input_layernorm): RmsNorm(64, eps=1.0E-5)
                (post_attention_layernorm): RmsNorm(64, eps=1.0E-5)
              )
            )
            (norm): RmsNorm(64, eps=1.0E-5)
          )
          (lm_head): Linear(in=64, out=320)
        )""",
        TinyModels.adapted("llama3", lora, DType.FP32).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void summary_ofATinyModel_isTorchtunes(String variant) {
    LoraConfig lora = variant.equals("qv_r8") ? TinyModels.QV_R8 : TinyModels.ALL_R4;
    JsonNode counts = TinyModels.json("lora/" + variant + "/counts.json");
    assertEquals(
        new ParameterSummary(counts.get("total").asLong(), counts.get("trainable").asLong()),
        ParameterSummary.of(TinyModels.adapted("llama2", lora, DType.FP32)));
  }

  @Test
  void targetModules_ofEverything_arePeftsNames() {
    assertEquals(
        List.of(
            "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"),
        Adapters.targetModules(
            TinyModels.adapted("llama2", TinyModels.ALL_R4, DType.FP32),
            TinyModels.ALL_R4,
            List.of()));
  }

  @Test
  void config_ofSizesThatDoNotFit_saysWhich() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                DecoderConfig.builder()
                    .vocabSize(320)
                    .hiddenSize(64)
                    .intermediateSize(176)
                    .numLayers(3)
                    .heads(4, 3, 16)
                    .maxSeqLen(256)
                    .normEps(1e-5)
                    .rope(10_000, null)
                    .build());
    assertEquals(
        "num_attention_heads 4 is not a multiple of num_key_value_heads 3", e.getMessage());
  }

  @Test
  void packedRows_thatDoNotAscend_areRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new PackedRows(new int[] {1, 2}, new int[] {2, 2}));
    assertThrows(
        IllegalArgumentException.class, () -> new PackedRows(new int[] {1, 2}, new int[] {1}));
  }
}
