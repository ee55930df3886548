package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** A GGUF file that llama.cpp's package wrote ({@code make_gguf.py}), there and back. */
class GgufModelTest {
  @TempDir Path temp;
  private Path gguf;

  @BeforeEach
  void copy() throws Exception {
    gguf =
        Files.copy(
            Path.of(GgufModelTest.class.getResource("/gguf/tiny.gguf").toURI()),
            temp.resolve("tiny.gguf"));
  }

  private HuggingFaceFolder folder() {
    return HuggingFaceFolder.open(GgufModel.folder(gguf, temp.resolve("made")));
  }

  private static SafetensorsFile expected() throws Exception {
    return SafetensorsFile.open(
        Path.of(GgufModelTest.class.getResource("/torch/hf/expected.safetensors").toURI()));
  }

  @Test
  void folder_ofFile_isTheModelInHuggingFacesForm() throws Exception {
    HuggingFaceFolder model = folder();
    SafetensorsFile expected = expected();
    assertEquals(expected.entries().keySet(), Map.copyOf(model.weights()).keySet());
    for (Map.Entry<String, Weight> e : model.weights().entrySet()) {
      assertArrayEquals(
          Golden.bytes(expected.path(), expected.entry(e.getKey())),
          TorchFileTest.bytes(e.getValue()),
          e.getKey());
    }
    JsonFields config = model.config().json();
    assertEquals("llama", config.text("model_type"));
    assertEquals(1e-5, config.positiveDecimal("rms_norm_eps"));
    assertEquals(500_000, config.positiveDecimal("rope_theta"));
    assertEquals(24, config.positive("vocab_size"));
    assertEquals(List.of(1), model.config().eosTokenIds());
    assertEquals(
        "{{ messages[0]['content'] }}",
        Files.readString(model.path().resolve("chat_template.jinja")));
    assertEquals(gguf.toRealPath(), GgufModel.origin(model.path()));
    assertEquals(temp, GgufModel.origin(temp));
    // Made once.
    Path mark = Files.createFile(model.path().resolve("mark"));
    folder();
    assertTrue(Files.exists(mark));
  }

  @Test
  void at_fileOrItsFolder_isTheFile() throws IOException {
    assertEquals(Optional.of(gguf), GgufModel.at(gguf));
    assertEquals(Optional.of(gguf), GgufModel.at(temp));
    Files.createFile(temp.resolve("config.json"));
    assertEquals(Optional.empty(), GgufModel.at(temp));
    assertEquals(Optional.empty(), GgufModel.at(temp.resolve("none")));
  }

  @Test
  void model_writtenAgain_isTheSameFile() {
    Path again = temp.resolve("again.gguf");
    GgufExport.model(folder(), "bf16", again);
    GgufFile from = GgufFile.open(gguf);
    GgufFile to = GgufFile.open(again);
    from.metadata()
        .values()
        .forEach(
            (key, value) -> {
              if (!key.startsWith("general.")) {
                assertEquals(value, to.metadata().values().get(key), key);
              }
            });
    assertEquals(from.entries().keySet(), Map.copyOf(to.entries()).keySet());
    for (Entry e : from.entries().values()) {
      Entry written = to.entries().get(e.name());
      float[] values = new float[(int) (e.length() / 2)];
      float[] same = new float[values.length];
      Floats.read(little(Golden.bytes(gguf, e)), SafetensorsType.BF16, values);
      Floats.read(little(Golden.bytes(again, written)), written.type(), same);
      assertArrayEquals(values, same, e.name());
    }
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void folder_ofAModel_isItInAnotherType() throws Exception {
    Path out = temp.resolve("out");
    Conversion.folder(folder(), "f32", out, ShardSize.DEFAULT);
    HuggingFaceFolder model = HuggingFaceFolder.open(out);
    Weight norm = model.weights().get("model.norm.weight");
    assertEquals(SafetensorsType.F32, norm.entry().type());
    assertEquals(Optional.of("float32"), Optional.ofNullable(model.config().dtype()));
    assertTrue(Files.exists(out.resolve("tokenizer.json")));
    Conversion.folder(model, "bf16", temp.resolve("back"), ShardSize.DEFAULT);
    SafetensorsFile expected = expected();
    HuggingFaceFolder.open(temp.resolve("back"))
        .weights()
        .forEach(
            (name, w) ->
                assertArrayEquals(
                    Golden.bytes(expected.path(), expected.entry(name)),
                    Golden.bytes(w.file(), w.entry())));
    assertEquals(
        "--type is q8_0, expected f32, f16 or bf16 for a folder",
        assertThrows(
                UsageException.class,
                () -> Conversion.folder(model, "q8_0", out, ShardSize.DEFAULT))
            .getMessage());
  }

  @Test
  void adapter_rowsOfB_areScaledAndInLlamaCppsOrder() {
    Path out = temp.resolve("adapter.gguf");
    PeftAdapter adapter = PeftAdapter.open(Golden.tiny("lora/qv_r8/initial"));
    JsonFields config = HuggingFaceFolder.config(Golden.tiny("families/llama2")).json();
    GgufExport.adapter(adapter, config, module -> 2, "f32", out);
    GgufFile file = GgufFile.open(out);
    assertEquals(1f, file.metadata().values().get("adapter.lora.alpha"));
    assertEquals(adapter.tensors().size(), file.entries().size());
    String module = PeftAdapter.PREFIX + "model.layers.0.self_attn.q_proj.lora_";
    Entry b = adapter.tensors().get(module + "B.weight");
    float[] from = new float[(int) b.length() / 4];
    float[] to = new float[from.length];
    Floats.read(little(Golden.bytes(adapter.file(), b)), b.type(), from);
    Entry written = file.entries().get("blk.0.attn_q.weight.lora_b");
    Floats.read(little(Golden.bytes(out, written)), written.type(), to);
    int heads = config.positive("num_attention_heads");
    int head = (int) (b.shape().get(0) / heads);
    for (int row = 0; row < b.shape().get(0); row++) {
      int place = row / head * head + row % head % (head / 2) * 2 + row % head / (head / 2);
      for (int i = 0; i < 8; i++) {
        assertEquals(16 * from[row * 8 + i], to[place * 8 + i]);
      }
    }
  }

  @Test
  void open_brokenFile_saysWhy() throws IOException {
    byte[] bytes = Files.readAllBytes(gguf);
    assertRefused("it does not begin with 'GGUF'", new byte[64]);
    assertRefused("it claims 12 items; it is truncated", Arrays.copyOf(bytes, 20));
    bytes[4] = 1;
    assertRefused("its version is 1, expected 2 or 3, little-endian", bytes);
    bytes[4] = 3;
    assertRefused(
        "tensor 'blk.0.attn_v.weight' goes beyond its end; it is truncated",
        Arrays.copyOf(bytes, bytes.length - 64));
  }

  private void assertRefused(String why, byte[] bytes) throws IOException {
    Files.write(gguf, bytes);
    assertEquals(
        gguf + " is not a valid GGUF file: " + why + "; download the file again",
        assertThrows(InputException.class, () -> GgufFile.open(gguf)).getMessage());
  }
}
