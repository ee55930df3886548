package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** Experts of 4 bits compared with transformers ({@code make_mxfp4.py}). */
class Mxfp4LayoutTest {
  private static final String NAME = "model.layers.0.mlp.experts.gate_up_proj";

  private static Path resource(String name) throws Exception {
    return Path.of(Mxfp4LayoutTest.class.getResource("/mxfp4/" + name).toURI());
  }

  @Test
  void weights_blocks_areThoseOfTransformers() throws Exception {
    HuggingFaceFolder model = HuggingFaceFolder.open(resource(""));
    assertEquals(Set.of(NAME), model.weights().keySet());
    Weight w = model.weights().get(NAME);
    Path file = resource("expected.safetensors");
    Entry expected = SafetensorsFile.open(file).entry(NAME);
    assertEquals(List.of(3L, 64L, 6L), w.entry().shape());
    assertEquals(expected.shape(), w.entry().shape());
    assertEquals(expected.type(), w.entry().type());
    assertArrayEquals(Golden.bytes(file, expected), TorchFileTest.bytes(w));
  }

  @Test
  void read_aPieceAcrossExperts_isThatOfTheWhole() throws Exception {
    Weight w = HuggingFaceFolder.open(resource("")).weights().get(NAME);
    byte[] all = TorchFileTest.bytes(w);
    ByteBuffer piece = ByteBuffer.allocate(900);
    try (FileChannel in = FileChannel.open(w.file())) {
      w.entry().layout().read(in, w.entry(), 700, piece);
    }
    assertEquals(ByteBuffer.wrap(all, 700, 900), piece.flip());
  }

  @Test
  void weights_withoutScales_areRefused(@TempDir Path folder) throws Exception {
    Files.copy(resource("config.json"), folder.resolve("config.json"));
    Path file = folder.resolve("model.safetensors");
    SafetensorsWriter.write(
        file,
        List.of(
            new StoredTensor(
                NAME + "_blocks",
                SafetensorsType.U8,
                List.of(1L, 1L, 1L, 16L),
                out -> out.write(ByteBuffer.allocate(16)))));
    assertEquals(
        file
            + ": '"
            + NAME
            + "_blocks' of shape [1, 1, 1, 16] has no scales, expected blocks [experts, out, in / 32, 16] and a scale for each",
        assertThrows(InputException.class, () -> HuggingFaceFolder.open(folder)).getMessage());
  }
}
