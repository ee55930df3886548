package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;

/** Files that torch wrote ({@code make_torch.py} beside them), and others that it did not. */
class TorchFileTest {
  @TempDir Path folder;

  private static Path resource(String path) throws URISyntaxException {
    return Path.of(TorchFileTest.class.getResource("/torch/" + path).toURI());
  }

  static byte[] bytes(Weight w) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) w.entry().length());
    try (FileChannel in = FileChannel.open(w.file())) {
      w.entry().layout().read(in, w.entry(), 0, bytes);
    }
    return bytes.array();
  }

  private static void assertWeights(HuggingFaceFolder model) throws Exception {
    SafetensorsFile expected = SafetensorsFile.open(resource("hf/expected.safetensors"));
    assertEquals(expected.entries().keySet(), Map.copyOf(model.weights()).keySet());
    for (Map.Entry<String, Weight> e : model.weights().entrySet()) {
      assertArrayEquals(
          Golden.bytes(expected.path(), expected.entry(e.getKey())),
          bytes(e.getValue()),
          e.getKey());
    }
  }

  @Test
  void open_pytorchModel_givesItsTensorsWhereTheyLie() throws Exception {
    HuggingFaceFolder model = HuggingFaceFolder.open(resource("hf"));
    assertWeights(model);
    assertTrue(model.weights().values().stream().allMatch(w -> w.entry().aligned()));
  }

  @Test
  void open_shardsOfPytorchModel_areFoundByTheirIndex() throws Exception {
    Files.copy(resource("hf/config.json"), folder.resolve("config.json"));
    Files.copy(
        resource("hf/pytorch_model.bin"), folder.resolve("pytorch_model-00001-of-00001.bin"));
    StringBuilder places = new StringBuilder();
    for (String name : TorchFile.open(resource("hf/pytorch_model.bin")).entries().keySet()) {
      places.append(places.length() == 0 ? "" : ",");
      places.append("\"").append(name).append("\":\"pytorch_model-00001-of-00001.bin\"");
    }
    Files.writeString(
        folder.resolve("pytorch_model.bin.index.json"), "{\"weight_map\":{" + places + "}}");
    assertWeights(HuggingFaceFolder.open(folder));
  }

  @Test
  void open_metaModel_isHuggingFaces() throws Exception {
    HuggingFaceFolder model = HuggingFaceFolder.open(resource("meta"));
    assertWeights(model);
    Weight q = model.weights().get("model.layers.0.self_attn.q_proj.weight");
    assertFalse(q.entry().aligned());
    // A part that begins and ends inside rows.
    ByteBuffer part = ByteBuffer.allocate(75);
    try (FileChannel in = FileChannel.open(q.file())) {
      q.entry().layout().read(in, q.entry(), 21, part);
    }
    assertEquals(ByteBuffer.wrap(bytes(q), 21, 75), part.flip());
    JsonFields config = model.config().json();
    assertEquals("llama", config.text("model_type"));
    assertEquals(48, config.positive("intermediate_size"));
    assertEquals(2, config.positive("num_key_value_heads"));
    assertEquals(8192, config.positive("max_position_embeddings"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"meta2", "meta3"})
  void open_metaModelInPieces_isTheWhole(String version) throws Exception {
    List<Path> names = List.of(Path.of("consolidated.00.pth"), Path.of("consolidated.01.pth"));
    for (Path name : names) {
      Files.copy(resource(version + "/" + name), folder.resolve(name));
    }
    Files.copy(resource("meta/params.json"), folder.resolve("params.json"));
    assertWeights(HuggingFaceFolder.open(folder));
    assertWeights(HuggingFaceFolder.open(folder, names));
    // A part that begins and ends inside rows, and goes over several pieces.
    Weight o =
        HuggingFaceFolder.open(folder).weights().get("model.layers.0.self_attn.o_proj.weight");
    ByteBuffer part = ByteBuffer.allocate(75);
    try (FileChannel in = FileChannel.open(o.file())) {
      o.entry().layout().read(in, o.entry(), 21, part);
    }
    assertEquals(ByteBuffer.wrap(bytes(o), 21, 75), part.flip());
  }

  @Test
  void open_metaModelOfOtherPieces_isRefused() throws Exception {
    Files.copy(resource("meta2/consolidated.00.pth"), folder.resolve("consolidated.00.pth"));
    Files.copy(resource("meta/consolidated.00.pth"), folder.resolve("consolidated.01.pth"));
    Files.copy(resource("meta/params.json"), folder.resolve("params.json"));
    assertEquals(
        folder.resolve("consolidated.01.pth")
            + ": 'model.embed_tokens.weight' is BF16 [24, 16], in "
            + folder.resolve("consolidated.00.pth")
            + " it is BF16 [24, 8]; give the files of one model",
        assertThrows(InputException.class, () -> HuggingFaceFolder.open(folder)).getMessage());
  }

  @Test
  void open_pickleThatAsksForMore_isRefusedByItsName() throws IOException {
    assertRefused(
        "it asks for Python's 'os.system', which is no part of a tensor, and nothing of it was run",
        "\u0080\u0002cos\nsystem\nX\u0005\u0000\u0000\u0000touch\u0085R.");
    assertRefused(
        "it asks for Python's 'torch._utils._rebuild_qtensor', which is no part of a tensor, and"
            + " nothing of it was run",
        "\u0080\u0004\u008c\u000ctorch._utils\u008c\u0010_rebuild_qtensor\u0093.");
    assertRefused("its pickle uses opcode 0x81", "\u0080\u0002)\u0081.");
    assertRefused("it holds 'text', expected a dictionary of tensors", "\u008c\u0004text.");
    assertRefused(
        "'step' in it is '7', expected a tensor; save the model's state_dict alone",
        "}\u008c\u0004stepK\u0007s.");
    assertRefused("its pickle is broken", "\u0080\u0002}(");
    assertRefused("its pickle is broken", "t.");
  }

  @Test
  void open_otherFiles_areRefused() throws IOException {
    Path file = folder.resolve("model.pth");
    Files.writeString(file, "\u0080\u0002 older");
    assertRefusal("it is no zip file, as torch has written since version 1.6", file);
    Files.writeString(file, "PK, and nothing else");
    assertRefusal("it has no zip directory; it is truncated", file);
    write(file, "x".getBytes(StandardCharsets.UTF_8), ZipEntry.DEFLATED);
    assertRefusal(
        "'m/data.pkl' in it is compressed or encrypted, and torch stores it plainly", file);
  }

  private void assertRefused(String why, String pickle) throws IOException {
    Path file = folder.resolve("model.pth");
    write(file, pickle.getBytes(StandardCharsets.ISO_8859_1), ZipEntry.STORED);
    assertRefusal(why, file);
  }

  private static void assertRefusal(String why, Path file) {
    assertEquals(
        file
            + " is not a PyTorch file of tensors: "
            + why
            + "; download it again, or get the model as safetensors",
        assertThrows(InputException.class, () -> TorchFile.open(file)).getMessage());
  }

  private static void write(Path file, byte[] pickle, int method) throws IOException {
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      ZipEntry entry = new ZipEntry("m/data.pkl");
      entry.setMethod(method);
      if (method == ZipEntry.STORED) {
        CRC32 crc = new CRC32();
        crc.update(pickle);
        entry.setSize(pickle.length);
        entry.setCrc(crc.getValue());
      }
      zip.putNextEntry(entry);
      zip.write(pickle);
      zip.closeEntry();
    }
  }
}
