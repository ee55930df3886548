package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Types of GGUF compared with llama.cpp's own package ({@code make_gguf.py}). */
class GgufTypeTest {
  private static ByteBuffer values(String name) throws URISyntaxException {
    Path file = Path.of(GgufTypeTest.class.getResource("/gguf/quants.safetensors").toURI());
    return ByteBuffer.wrap(Golden.bytes(file, SafetensorsFile.open(file).entry(name)))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16", "F64"})
  void decode_randomBlocks_areLlamaCpps(GgufType type) throws Exception {
    ByteBuffer stored = values(type + ".stored");
    ByteBuffer expected = values(type + ".values");
    float[] widened = new float[type.blockElements()];
    ByteBuffer all = ByteBuffer.allocate(expected.limit() / 2).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < stored.limit(); at += type.bytes(type.blockElements())) {
      type.widen(stored, at, widened);
      for (float value : widened) {
        float wanted = expected.getFloat();
        assertEquals(Float.floatToIntBits(wanted), Float.floatToIntBits(value));
        all.putShort(Floats.toBfloat16(wanted));
      }
    }
    assertEquals(0, expected.remaining());
    ByteBuffer decoded = ByteBuffer.allocate(all.limit()).order(ByteOrder.LITTLE_ENDIAN);
    type.decode(stored, decoded);
    assertArrayEquals(all.array(), decoded.array());
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0"})
  void write_values_areQuantisedAsLlamaCppDoes(GgufType type) throws Exception {
    ByteBuffer values = values("quantised.values");
    ByteBuffer out =
        ByteBuffer.allocate((int) type.bytes(values.limit() / 4)).order(ByteOrder.LITTLE_ENDIAN);
    float[] block = new float[type.blockElements()];
    while (values.hasRemaining()) {
      Floats.read(values, SafetensorsType.F32, block);
      GgufQuantiser.write(type, block, out);
    }
    assertArrayEquals(values("quantised." + type).array(), out.array());
  }

  @Test
  void write_q4k_isAsCloseAsFourBitsAllow() throws Exception {
    ByteBuffer values = values("quantised.values");
    ByteBuffer out = ByteBuffer.allocate(144).order(ByteOrder.LITTLE_ENDIAN);
    float[] block = new float[256];
    float[] back = new float[256];
    while (values.hasRemaining()) {
      Floats.read(values, SafetensorsType.F32, block);
      GgufQuantiser.write(GgufType.Q4_K, block, out.clear());
      GgufType.Q4_K.widen(out, 0, back);
      double error = 0;
      double size = 0;
      for (int i = 0; i < block.length; i++) {
        error += (block[i] - back[i]) * (block[i] - back[i]);
        size += block[i] * block[i];
      }
      assertEquals(0, Math.sqrt(error / size), 0.1);
    }
  }

  @Test
  void halves_allOfThem_comeBack() throws IOException {
    for (int bits = 0; bits <= 0xffff; bits++) {
      float value = Floats.ofHalf((short) bits);
      if (!Float.isNaN(value)) {
        assertEquals((short) bits, Floats.toHalf(value));
        // Between two neighbours the even one is taken.
        float next = Floats.ofHalf((short) (bits + 1));
        if ((bits & 0x7fff) < 0x7bff) {
          assertEquals((short) (bits + (bits & 1)), Floats.toHalf((value + next) / 2));
        }
      }
    }
  }
}
