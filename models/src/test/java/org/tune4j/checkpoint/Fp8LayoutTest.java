package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;

/** Weights of 8 bits with scales, as DeepSeek and Ministral publish them. */
class Fp8LayoutTest {
  private static final String NAME = "model.layers.0.mlp.up_proj.weight";

  /** 1, 448, -1, the least above 0, and 0.0546875. */
  private static final byte[] VALUES = {0x38, 0x7e, (byte) 0xb8, 0x01, 0x16};

  private static final float[] FLOATS = {1, 448, -1, 0x1p-9f, 0.0546875f};

  @TempDir Path folder;

  private HuggingFaceFolder open(String quantisation, List<Long> shape, float... scales)
      throws IOException {
    ByteBuffer factors = ByteBuffer.allocate(4 * scales.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float scale : scales) {
      factors.putFloat(scale);
    }
    Files.writeString(
        folder.resolve("config.json"),
        "{\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"fp8\"%s}}"
            .formatted(quantisation));
    SafetensorsWriter.write(
        folder.resolve("model.safetensors"),
        List.of(
            stored(
                NAME,
                SafetensorsType.F8_E4M3,
                List.of(3L, 5L),
                ByteBuffer.allocate(15).put(VALUES).put(VALUES).put(VALUES).flip()),
            stored(NAME + "_scale_inv", SafetensorsType.F32, shape, factors.flip()),
            stored(
                "model.layers.0.mlp.up_proj.activation_scale",
                SafetensorsType.F32,
                List.of(),
                ByteBuffer.allocate(4))));
    return HuggingFaceFolder.open(folder);
  }

  private static StoredTensor stored(
      String name, SafetensorsType type, List<Long> shape, ByteBuffer bytes) {
    return new StoredTensor(name, type, shape, channel -> channel.write(bytes));
  }

  private static float[] floats(Weight w) throws IOException {
    float[] values = new float[15];
    Floats.read(
        ByteBuffer.wrap(TorchFileTest.bytes(w)).order(ByteOrder.LITTLE_ENDIAN),
        w.entry().type(),
        values);
    return values;
  }

  @Test
  void weights_blocks_areScaledEachByItsOwn() throws IOException {
    HuggingFaceFolder model = open(",\"weight_block_size\":[2,3]", List.of(2L, 2L), 1, 2, 4, 0.5f);
    assertEquals(Set.of(NAME), model.weights().keySet());
    Weight w = model.weights().get(NAME);
    assertEquals(SafetensorsType.BF16, w.entry().type());
    float[] expected = new float[15];
    for (int i = 0; i < 15; i++) {
      float scale = i / 5 < 2 ? i % 5 < 3 ? 1 : 2 : i % 5 < 3 ? 4 : 0.5f;
      expected[i] = FLOATS[i % 5] * scale;
    }
    assertArrayEquals(expected, floats(w));
    model.config().write(folder.resolve("merged.json"), Map.of());
    assertFalse(Files.readString(folder.resolve("merged.json")).contains("quantization_config"));
  }

  @Test
  void weights_oneScale_isForAll() throws IOException {
    float[] values = floats(open("", List.of(), 2).weights().get(NAME));
    for (int i = 0; i < 15; i++) {
      assertEquals(2 * FLOATS[i % 5], values[i]);
    }
  }

  @Test
  void weights_scalesOfAnotherShape_areRefused() {
    assertEquals(
        folder.resolve("model.safetensors")
            + ": '"
            + NAME
            + "' of shape [3, 5] has scales of shape [1, 2], expected one for each block of [2, 3]",
        assertThrows(
                InputException.class,
                () -> open(",\"weight_block_size\":[2,3]", List.of(1L, 2L), 1, 2))
            .getMessage());
  }
}
