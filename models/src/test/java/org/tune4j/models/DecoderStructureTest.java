package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.UsageException;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.tensor.DType;

class DecoderStructureTest {
  @Test
  void toString_ofADecoder_printsAlikeLayersOnce() {
    LoraConfig lora = new LoraConfig(List.of(AttnModule.Q_PROJ), false, false, 4, 8, 0);
    assertEquals(
        """
        Decoder(
          (model): DecoderBody(
            (embed_tokens): Embedding(320, 64)
            (layers): ModuleList(
              (0-2): 3 x DecoderLayer(
                (self_attn): Attention(
                  (q_proj): LoraLinear(
                    in=64, out=64, rank=4, alpha=8.0, dropout=0.0
                    (lora_A): Linear(in=64, out=4)
                    (lora_B): Linear(in=4, out=64)
                  )
                  (k_proj): Linear(in=64, out=32)
                  (v_proj): Linear(in=64, out=32)
                  (o_proj): Linear(in=64, out=64)
                )
                (mlp): SwiGlu(
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
        new Decoder(TinyModels.config("llama3"), lora, DType.FP32).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"qv_r8", "all_r4"})
  void summary_ofATinyModel_isTorchtunes(String variant) {
    LoraConfig lora = variant.equals("qv_r8") ? TinyModels.QV_R8 : TinyModels.ALL_R4;
    JsonNode counts = TinyModels.json("lora/" + variant + "/counts.json");
    assertEquals(
        new ParameterSummary(counts.get("total").asLong(), counts.get("trainable").asLong()),
        ParameterSummary.of(new Decoder(TinyModels.config("llama2"), lora, DType.FP32)));
  }

  @Test
  void targetModules_ofEverything_arePeftsNames() {
    assertEquals(
        List.of(
            "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"),
        TinyModels.ALL_R4.targetModules());
  }

  @Test
  void config_ofSizesThatDoNotFit_saysWhich() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> new DecoderConfig(320, 64, 176, 3, 4, 3, 16, 256, 1e-5, 10_000, null, false, 0));
    assertEquals("num_attention_heads 4 is no multiple of num_key_value_heads 3", e.getMessage());
  }

  @Test
  void packedRows_thatDoNotAscend_areRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new PackedRows(new int[] {1, 2}, new int[] {2, 2}));
    assertThrows(
        IllegalArgumentException.class, () -> new PackedRows(new int[] {1, 2}, new int[] {1}));
  }
}
