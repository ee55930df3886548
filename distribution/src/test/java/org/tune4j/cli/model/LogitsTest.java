package org.tune4j.cli.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** {@code tune logits} on a tiny model without a tokenizer, against transformers and PEFT. */
class LogitsTest {
  private static final Path MISTRAL = Path.of("../models/src/test/resources/golden/tiny5/mistral");
  private static final String ADAPTER = MISTRAL.resolve("adapter").toString();

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int logits(Path ids, String... more) {
    List<String> args =
        new ArrayList<>(List.of("logits", "--model", MISTRAL.toString(), "--ids", ids.toString()));
    args.addAll(List.of("--dtype", "fp32", "--output", output().toString()));
    args.addAll(List.of(more));
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(e, true, StandardCharsets.UTF_8);
    int code = Tune.execute(Wiring.installed(to), args.toArray(String[]::new), to, errors);
    out = o.toString(StandardCharsets.UTF_8).strip();
    err = e.toString(StandardCharsets.UTF_8).strip();
    return code;
  }

  private Path output() {
    return dir.resolve("logits.safetensors");
  }

  private static ByteBuffer bytes(Path file, String name) throws IOException {
    SafetensorsFile.Entry e = SafetensorsFile.open(file).entry(name);
    ByteBuffer bytes = ByteBuffer.allocate((int) e.length()).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel in = FileChannel.open(file)) {
      in.read(bytes, e.offset());
    }
    return bytes.flip();
  }

  private static float[] floats(Path file, String name) throws IOException {
    ByteBuffer bytes = bytes(file, name);
    float[] values = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  private static long[] longs(Path file, String name) throws IOException {
    ByteBuffer bytes = bytes(file, name);
    long[] values = new long[bytes.remaining() / 8];
    bytes.asLongBuffer().get(values);
    return values;
  }

  private static Path expected() {
    return MISTRAL.resolve("expected.safetensors");
  }

  private static int length(int row) throws IOException {
    return (int) longs(expected(), "lengths")[row];
  }

  /** The golden rows, a line each. */
  private Path ids() throws IOException {
    long[] ids = longs(expected(), "input_ids");
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < 3; row++) {
      long[] one = Arrays.copyOfRange(ids, 21 * row, 21 * row + length(row));
      lines.append("{\"input_ids\": %s}%n".formatted(Arrays.toString(one)));
    }
    return Files.writeString(dir.resolve("ids.jsonl"), lines);
  }

  private void assertLogits(String name) throws IOException {
    float[] all = floats(expected(), name);
    for (int row = 0; row < 3; row++) {
      int from = 21 * 320 * row;
      assertArrayEquals(
          Arrays.copyOfRange(all, from, from + 320 * length(row)),
          floats(output(), "logits." + row),
          2e-5f);
    }
  }

  @Test
  void logits_ofTheModel_areTransformers_andSoAreGreedyTokens() throws IOException {
    assertEquals(0, logits(ids(), "--greedy", "12", "--greedy-prompt", "8"), err);
    assertEquals("wrote " + output(), out);
    assertLogits("logits");
    assertArrayEquals(longs(expected(), "greedy"), longs(output(), "greedy.0"));
    assertEquals(12, longs(output(), "greedy.2").length);
    assertEquals(List.of(21L, 320L), SafetensorsFile.open(output()).entry("logits.0").shape());
    assertEquals(6, SafetensorsFile.open(output()).entries().size());
  }

  @Test
  void gradients_ofTheAdapter_arePefts() throws IOException {
    assertEquals(0, logits(ids(), "--adapter", ADAPTER, "--gradients"), err);
    assertLogits("lora_logits");
    assertEquals(floats(expected(), "lora_loss")[0], floats(output(), "loss")[0], 1e-5);
    Path gradients = MISTRAL.resolve("gradients.safetensors");
    Set<String> names = new TreeSet<>(SafetensorsFile.open(output()).entries().keySet());
    for (String name : SafetensorsFile.open(gradients).entries().keySet()) {
      assertTrue(names.remove("gradient." + name), name);
      float[] want = floats(gradients, name);
      float largest = 0;
      for (float v : want) {
        largest = Math.max(largest, Math.abs(v));
      }
      assertArrayEquals(want, floats(output(), "gradient." + name), 1e-4f * largest, name);
    }
    assertEquals(Set.of("logits.0", "logits.1", "logits.2", "loss"), names);
  }

  @Test
  void loss_ofMaskedRows_isThatOfTheirLabels() throws IOException {
    Path all = Files.writeString(dir.resolve("all.jsonl"), "{\"input_ids\": [5, 6, 7, 8]}\n");
    String[] asked = {"--adapter", ADAPTER, "--gradients"};
    assertEquals(0, logits(all, asked), err);
    float[] rows = floats(output(), "logits.0");
    float whole = floats(output(), "loss")[0];
    assertEquals((nll(rows, 0, 6) + nll(rows, 1, 7) + nll(rows, 2, 8)) / 3, whole, 1e-5);
    Path masked =
        Files.writeString(
            dir.resolve("masked.jsonl"),
            "{\"input_ids\": [5, 6, 7, 8], \"labels\": [-100, -100, -100, 8]}\n");
    assertEquals(0, logits(masked, asked), err);
    assertEquals(nll(rows, 2, 8), floats(output(), "loss")[0], 1e-5);
  }

  private static double nll(float[] logits, int position, int id) {
    double sum = 0;
    for (int i = 0; i < 320; i++) {
      sum += Math.exp(logits[320 * position + i]);
    }
    return Math.log(sum) - logits[320 * position + id];
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"input_ids\": [5, 6]} | --gradients | --gradients needs --adapter, whose tensors' gradients they are",
        "{\"input_ids\": [5, 6]} | --greedy=3 | --greedy needs --greedy-prompt",
        "{\"input_ids\": [5, 6]} | --greedy-prompt=3 | --greedy-prompt needs --greedy",
        "{\"input_ids\": [5, 6]} | --greedy=0 --greedy-prompt=1 | --greedy is 0, expected 1 or more",
        "{\"input_ids\": [5, 6]} | --greedy=200 --greedy-prompt=57 | 200 tokens after the first 57 are more than the 256 that the model takes",
        "{\"input_ids\": [5, 6]} | --greedy=2 --greedy-prompt=3 | FILE:2:1: row 2: input_ids has 2 ids, expected 3 or more, which the greedy tokens follow",
        "{\"input_ids\": [5, 320]} | | FILE:2:1: row 2: input_ids[1] is 320, the model's vocabulary has 320",
        "{\"input_ids\": [5, -1]} | | FILE:2:15: row 2: input_ids[1] is -1, expected 0 or more",
        "{\"input_ids\": []} | | FILE:2:15: row 2: input_ids is empty, expected one id or more",
        "{\"input_ids\": [5, | | FILE:2:18: row 2: Unexpected end-of-input within/between Array entries; expected a JSON array of objects or one object per line",
        "[5, 6] | | FILE:2:1: row 2: is an array, expected an object with columns"
      })
  void wrongInput_isRefusedInALine(String row, String options, String text) throws IOException {
    Path ids =
        Files.writeString(dir.resolve("ids.jsonl"), "{\"input_ids\": [5, 6, 7]}\n" + row + "\n");
    String[] more = options == null ? new String[0] : options.split(" ");
    assertEquals(text.startsWith("FILE") ? 1 : 2, logits(ids, more));
    assertEquals(
        "tune: " + text, err.lines().reduce("", (a, b) -> b).replace(ids.toString(), "FILE"));
    assertFalse(Files.exists(output()));
  }

  @Test
  void rows_thatDoNotFit_areRefusedInALine() throws IOException {
    Path ids = dir.resolve("ids.jsonl");
    Files.writeString(ids, "{\"input_ids\": %s}\n".formatted(Arrays.toString(new int[257])));
    assertEquals(1, logits(ids));
    assertTrue(
        err.endsWith(
            ":1:1: row 1: input_ids has 257 ids, expected at most 256, which the model takes"),
        err);
    Files.writeString(ids, "\n");
    assertEquals(1, logits(ids));
    assertTrue(err.endsWith("ids.jsonl holds no rows; expected at least one"), err);
    Files.writeString(ids, "{\"input_ids\": [5]}\n");
    assertEquals(1, logits(ids, "--adapter", ADAPTER, "--gradients"));
    assertTrue(
        err.endsWith("ids.jsonl: no row has a label; expected one with two ids or more"), err);
  }
}
