package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;

class SafetensorsWriterTest {
  @TempDir Path folder;

  @Test
  void write_goldenTensors_givesTheGoldenFile() throws IOException {
    Path golden = Golden.tiny("families/llama2/model.safetensors");
    Path target = folder.resolve("model.safetensors");
    SafetensorsWriter.write(target, Golden.stored(SafetensorsFile.open(golden)));
    assertArrayEquals(Files.readAllBytes(golden), Files.readAllBytes(target));
    assertEquals(List.of("model.safetensors"), Golden.names(folder));
  }

  @Test
  void write_mixedTypes_keepsEachAligned() {
    Path target = folder.resolve("m.safetensors");
    SafetensorsWriter.write(
        target,
        List.of(
            zeros("u", SafetensorsType.U8, 3),
            zeros("h", SafetensorsType.BF16, 3),
            zeros("f", SafetensorsType.F32, 1),
            zeros("l", SafetensorsType.I64, 1)));
    SafetensorsFile file = SafetensorsFile.open(target);
    assertEquals(List.of("l", "f", "h", "u"), List.copyOf(file.entries().keySet()));
    assertTrue(file.entries().values().stream().allMatch(SafetensorsFile.Entry::aligned));
    assertEquals(0, file.entry("l").offset() % 8);
    assertEquals(Map.of("format", "pt"), file.metadata());
  }

  @Test
  void write_sourceFails_leavesTheEarlierFile() throws IOException {
    Path target = Files.writeString(folder.resolve("m.safetensors"), "earlier");
    StoredTensor failing =
        new StoredTensor(
            "x",
            SafetensorsType.F32,
            List.of(500L),
            channel -> {
              channel.write(ByteBuffer.allocate(1000));
              throw new IOException("No space left on device");
            });
    String message =
        assertThrows(
                EnvironmentException.class, () -> SafetensorsWriter.write(target, List.of(failing)))
            .getMessage();
    assertTrue(
        message.matches(
            "\\Qcannot write "
                + target
                + ": No space left on device; it needs 2.1 kB and \\E[0-9.]+ [kMGTP]?B are free;"
                + " free space or choose another output folder"),
        message);
    assertEquals("earlier", Files.readString(target));
    assertEquals(List.of("m.safetensors"), Golden.names(folder));
  }

  @Test
  void write_diskFullOnOpening_leavesNothing() throws IOException {
    Path target = folder.resolve("m.safetensors");
    assertThrows(
        EnvironmentException.class,
        () ->
            SafetensorsWriter.write(
                target,
                List.of(zeros("x", SafetensorsType.F32, 1)),
                aside -> {
                  Files.createFile(aside);
                  throw new IOException("No space left on device");
                }));
    assertEquals(List.of(), Golden.names(folder));
  }

  @Test
  void write_moreThanTheDiskHolds_isRefusedBeforeWriting() throws IOException {
    StoredTensor huge =
        new StoredTensor(
            "x",
            SafetensorsType.F32,
            List.of(1L << 60),
            channel -> {
              throw new AssertionError("nothing may be written");
            });
    Path target = folder.resolve("m.safetensors");
    String message =
        assertThrows(
                EnvironmentException.class, () -> SafetensorsWriter.write(target, List.of(huge)))
            .getMessage();
    assertTrue(message.startsWith("cannot write " + target + ": it needs 4.6 EB and "), message);
    assertTrue(message.endsWith(" are free; free space or choose another output folder"), message);
    assertEquals(List.of(), Golden.names(folder));
  }

  @Test
  void write_wrongByteCount_namesTheTensor() throws IOException {
    for (int bytes : new int[] {4, 12}) {
      StoredTensor wrong =
          new StoredTensor(
              "x",
              SafetensorsType.F32,
              List.of(2L),
              channel -> channel.write(ByteBuffer.allocate(bytes)));
      assertEquals(
          "tensor 'x' gave " + bytes + " bytes, expected 8 for F32 [2]",
          assertThrows(
                  UsageException.class,
                  () -> SafetensorsWriter.write(folder.resolve("m"), List.of(wrong)))
              .getMessage());
    }
    assertEquals(List.of(), Golden.names(folder));
  }

  @Test
  void write_nameTwiceOrFolderInTheWay_isRefused() {
    StoredTensor x = zeros("x", SafetensorsType.F32, 1);
    assertEquals(
        "tensor 'x' is given twice",
        assertThrows(
                UsageException.class,
                () -> SafetensorsWriter.write(folder.resolve("m"), List.of(x, x)))
            .getMessage());
    assertEquals(
        "cannot write the file " + folder + ": a folder has that name",
        assertThrows(InputException.class, () -> SafetensorsWriter.write(folder, List.of(x)))
            .getMessage());
  }

  @Test
  void storedTensor_badNameOrShape_isRefused() {
    assertEquals(
        "a tensor cannot be stored under the name '__metadata__'",
        refusal(() -> zeros("__metadata__", SafetensorsType.F32, 1)));
    assertEquals(
        "tensor 'x' cannot be stored with the shape [-1]",
        refusal(() -> zeros("x", SafetensorsType.F32, -1)));
    assertEquals(
        "tensor 'x' cannot be stored with the shape [9223372036854775807]",
        refusal(() -> zeros("x", SafetensorsType.F32, Long.MAX_VALUE)));
  }

  private static String refusal(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(UsageException.class, call).getMessage();
  }

  private static StoredTensor zeros(String name, SafetensorsType type, long size) {
    return new StoredTensor(
        name,
        type,
        List.of(size),
        channel -> channel.write(ByteBuffer.allocate((int) size * type.bytes())));
  }
}
