package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;

/** Against bitsandbytes' own checkpoint, and torchao's codes. */
class QuantisedFilesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path BASE = GOLDEN.resolve("nf4_base");
  private static final Path PLAIN = GOLDEN.resolve("tiny/families/llama2");

  @TempDir Path dir;

  private static float[] elements(Weight weight) throws IOException {
    List<float[]> rows = new ArrayList<>();
    new WeightRows(weight.file(), weight.entry()).forEach(row -> rows.add(row.clone()));
    int n = rows.stream().mapToInt(r -> r.length).sum();
    float[] all = new float[n];
    int at = 0;
    for (float[] row : rows) {
      System.arraycopy(row, 0, all, at, row.length);
      at += row.length;
    }
    return all;
  }

  private static byte[] bytes(Weight part) throws IOException {
    return QuantisedLayout.bytes(part, 0, part.entry().length()).array();
  }

  private static Map<String, DType> quantised(DType dtype) {
    Map<String, DType> all = new LinkedHashMap<>();
    HuggingFaceFolder.open(BASE)
        .weights()
        .forEach(
            (name, w) -> {
              if (w.entry().layout() instanceof QuantisedLayout) {
                all.put(name, dtype);
              }
            });
    return all;
  }

  @Test
  void read_bitsandbytesCheckpoint_hasItsValues() throws IOException {
    HuggingFaceFolder folder = HuggingFaceFolder.open(BASE);
    SafetensorsFile expected = SafetensorsFile.open(BASE.resolve("dequantized.safetensors"));
    assertEquals(HuggingFaceFolder.open(PLAIN).weights().keySet(), folder.weights().keySet());
    assertEquals(21, expected.entries().size());
    for (Map.Entry<String, SafetensorsFile.Entry> e : expected.entries().entrySet()) {
      assertArrayEquals(
          elements(new Weight(expected.path(), e.getValue())),
          elements(folder.weights().get(e.getKey())),
          1e-6f,
          e.getKey());
    }
  }

  private static Weight dequantised(String name) {
    SafetensorsFile file = SafetensorsFile.open(BASE.resolve("dequantized.safetensors"));
    return new Weight(file.path(), file.entry(name));
  }

  @Test
  void write_nf4_hasBitsandbytesCodes() throws IOException {
    QuantisedFiles.write(dir, HuggingFaceFolder.open(PLAIN).weights(), quantised(DType.NF4));
    Map<String, Weight> written = QuantisedFiles.open(dir);
    Map<String, Weight> expected = HuggingFaceFolder.open(BASE).weights();
    assertEquals(quantised(DType.NF4).keySet(), written.keySet());
    for (Map.Entry<String, Weight> e : written.entrySet()) {
      Nf4Layout found = (Nf4Layout) e.getValue().entry().layout();
      Nf4Layout want = (Nf4Layout) expected.get(e.getKey()).entry().layout();
      assertEquals(want.offset(), found.offset(), 1e-7f, e.getKey());
      assertArrayEquals(
          bytes(want.parts().get(0)), bytes(found.parts().get(0)), e.getKey() + ", codes");
      assertArrayEquals(
          bytes(want.parts().get(1)), bytes(found.parts().get(1)), e.getKey() + ", factors");
      assertArrayEquals(
          elements(dequantised(e.getKey())), elements(e.getValue()), 1e-6f, e.getKey());
      float group = QuantisedLayout.floats(want.parts().get(2), 0, 1)[0];
      assertEquals(group, QuantisedLayout.floats(found.parts().get(2), 0, 1)[0], 1e-6f);
    }
  }

  /**
   * torchao's codes. Its 16 values are rounded to four decimals, so an element between a boundary
   * of its and the same of bitsandbytes' has the code of the other side; it stores the blocks'
   * factors in another way.
   */
  @Test
  void write_nf4_hasTorchaosCodes() throws IOException {
    SafetensorsFile golden = SafetensorsFile.open(GOLDEN.resolve("tiny/nf4.safetensors"));
    Weight weight = new Weight(golden.path(), golden.entry("weight"));
    QuantisedFiles.write(dir, Map.of("w", weight), Map.of("w", DType.NF4));
    Weight written = QuantisedFiles.open(dir).get("w");
    QuantisedLayout layout = (QuantisedLayout) written.entry().layout();
    byte[] found = bytes(layout.parts().get(0));
    byte[] codes = bytes(new Weight(golden.path(), golden.entry("codes")));
    float[] factors = factors(golden);
    float[] values = Nf4.values();
    float[] theirs = elements(new Weight(golden.path(), golden.entry("nf4_table")));
    assertArrayEquals(theirs, values, 5.1e-5f);
    float[] all = elements(weight);
    float[] dequantised = elements(new Weight(golden.path(), golden.entry("dequantized")));
    for (int i = 0; i < all.length; i++) {
      int own = nibble(found, i);
      int code = nibble(codes, i);
      if (own != code) {
        double x = all[i] / largest(all, i / Nf4.BLOCK * Nf4.BLOCK);
        int lower = Math.min(own, code);
        double here = x - (values[lower] + values[lower + 1]) / 2;
        double there = x - (theirs[lower] + theirs[lower + 1]) / 2;
        assertTrue(here * there <= 1e-12 && Math.abs(own - code) == 1, "element " + i);
      }
      assertEquals(dequantised[i], theirs[code] * factors[i / Nf4.BLOCK], 1e-6, "element " + i);
    }
  }

  private static int nibble(byte[] codes, int i) {
    return i % 2 == 0 ? codes[i / 2] >> 4 & 15 : codes[i / 2] & 15;
  }

  private static double largest(float[] all, int from) {
    double largest = 0;
    for (int i = from; i < from + Nf4.BLOCK; i++) {
      largest = Math.max(largest, Math.abs(all[i]));
    }
    return largest;
  }

  /** As torchao has them: signed bytes by a factor a group, plus their mean. */
  private static float[] factors(SafetensorsFile golden) throws IOException {
    byte[] codes = bytes(new Weight(golden.path(), golden.entry("scaler_codes")));
    float[] groups = elements(new Weight(golden.path(), golden.entry("scaler_factor")));
    float[] mean = elements(new Weight(golden.path(), golden.entry("scaler_mean")));
    float[] factors = new float[codes.length];
    for (int i = 0; i < codes.length; i++) {
      factors[i] = codes[i] / groups[i / Nf4.GROUP] + mean[0];
    }
    return factors;
  }

  @Test
  void write_int8_isWithinHalfAStepOfEachRow() throws IOException {
    Map<String, Weight> plain = HuggingFaceFolder.open(PLAIN).weights();
    QuantisedFiles.write(dir, plain, quantised(DType.INT8));
    for (Map.Entry<String, Weight> e : QuantisedFiles.open(dir).entrySet()) {
      float[] expected = elements(plain.get(e.getKey()));
      float[] found = elements(e.getValue());
      int width = Math.toIntExact(e.getValue().entry().shape().get(1));
      for (int row = 0; row < expected.length / width; row++) {
        float largest = 0;
        for (int i = row * width; i < (row + 1) * width; i++) {
          largest = Math.max(largest, Math.abs(expected[i]));
        }
        for (int i = row * width; i < (row + 1) * width; i++) {
          assertEquals(expected[i], found[i], 0.5 * largest / 127 + 1e-4, e.getKey() + " " + i);
        }
      }
    }
  }

  @Test
  void read_anotherMapOrBlocks_isRefusedByName() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("model"));
    Files.copy(BASE.resolve("config.json"), folder.resolve("config.json"));
    byte[] bytes = Files.readAllBytes(BASE.resolve("model.safetensors"));
    String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    String state = "\"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [64, 64]";
    int at = text.indexOf(state);
    bytes[at + 13] = '3';
    bytes[at + 14] = '2';
    Files.write(folder.resolve("model.safetensors"), bytes);
    InputException e =
        assertThrows(InputException.class, () -> HuggingFaceFolder.open(folder).weights());
    assertEquals(
        folder.resolve("model.safetensors")
            + ": 'model.layers.0.self_attn.k_proj.weight' is not in blocks of 64, their factors in blocks of 256",
        e.getMessage());
  }
}
