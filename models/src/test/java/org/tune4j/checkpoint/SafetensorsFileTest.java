package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

class SafetensorsFileTest {
  @TempDir Path folder;

  @Test
  void open_goldenModel_givesEveryTensor() {
    SafetensorsFile file = SafetensorsFile.open(Golden.tiny("families/llama2/model.safetensors"));
    assertEquals(30, file.entries().size());
    assertEquals(Map.of("format", "pt"), file.metadata());
    assertEquals(
        new Entry("lm_head.weight", SafetensorsType.F32, List.of(320L, 64L), 3080, 81920),
        file.entry("lm_head.weight"));
    assertTrue(file.entry("lm_head.weight").aligned());
    assertEquals(770824, file.size());
  }

  @Test
  void open_scalarAndEmptyTensors_areAccepted() throws IOException {
    SafetensorsFile file =
        SafetensorsFile.open(
            write(
                "{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                    + "\"e\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[0,0]},"
                    + "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[4,6]}}  ",
                6));
    assertEquals(List.of("e", "s", "b"), List.copyOf(file.entries().keySet()));
    assertEquals(Map.of(), file.metadata());
    assertEquals(0, file.entry("s").dimensions().length);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | tensor 'a' is declared twice
          {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | 8 | tensor 'a': shape holds '-2', expected 0 to 2^63 - 1
          {"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}} | 8 | tensor 'a': shape holds '9223372036854775808', expected 0 to 2^63 - 1
          {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}} | 8 | tensor 'a' has an overflowing shape [4611686018427387904, 4]
          {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}} | 8 | tensor 'a': shape is '2.0', expected integers
          {"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}} | 8 | tensor 'a': shape is '2', expected an array of integers
          {"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}} | 4 | tensor 'a': shape holds more than 32 numbers
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}} | 8 | tensor 'a' ends at byte 12, but the file holds 8 bytes of tensors; it is truncated
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}} | 8 | tensor 'a' ends at 0 before it begins at 8
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}} | 8 | tensor 'a' has 1 data_offsets, expected begin and end
          {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}} | 8 | tensor 'a' has 8 bytes, expected 12 for F32 [3]
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | 12 | tensor 'b' overlaps tensor 'a' by 4 bytes
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}} | 12 | 4 unused bytes are between tensor 'a' and tensor 'b'
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | 8 | 4 unused bytes are between the header and tensor 'a'
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 11 | 3 bytes follow after tensor 'a'
          {"a":{"dtype":"F32","shape":[2]}} | 8 | tensor 'a' has no data_offsets
          {"a":{"shape":[2],"data_offsets":[0,8]}} | 8 | tensor 'a' has no dtype
          {"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | tensor 'a' has dtype twice
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}} | 8 | tensor 'a' has a field 'x', expected dtype, shape and data_offsets only
          {"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}} | 8 | tensor 'a': dtype is '4', expected a string
          {"a":7} | 0 | tensor 'a' is '7', expected an object with dtype, shape and data_offsets
          {"__metadata__":{"x":1}} | 0 | __metadata__ 'x' is '1', expected a string
          {"__metadata__":{"x":"1","x":"2"}} | 0 | __metadata__ 'x' is declared twice
          {"__metadata__":{},"__metadata__":{}} | 0 | __metadata__ is declared twice
          {"__metadata__":[]} | 0 | __metadata__ is '[', expected an object of strings
          {} {} | 0 | its header goes on after the closing '}'
          [] | 0 | its header does not start with '{'
          {} | 5 | 5 bytes follow after the header
          """)
  void open_brokenHeader_saysWhichRule(String header, int data, String rule) throws IOException {
    assertBroken(write(header, data), rule);
  }

  @Test
  void open_unknownDtype_namesTheKnown() throws IOException {
    Path file = write("{\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1);
    assertEquals(
        file
            + ": tensor 'a' has the unknown dtype 'F4', expected one of F64, F32, F16, BF16, I64,"
            + " I32, I16, I8, U8, BOOL, F8_E4M3, F8_E5M2; convert the checkpoint",
        message(file));
  }

  @Test
  void open_notJson_saysSo() throws IOException {
    assertBroken(
        write("{\"a\":}", 0),
        "its header is not valid JSON (Unexpected character ('}' (code 125)): expected a value)");
  }

  @Test
  void open_notUtf8_saysSo() throws IOException {
    byte[] bytes = Files.readAllBytes(write("{\"a\":1}", 0));
    bytes[10] = (byte) 0xff;
    assertBroken(Files.write(folder.resolve("f"), bytes), "its header is not valid UTF-8");
  }

  @Test
  void open_shortFile_saysTruncated() throws IOException {
    assertBroken(
        Files.write(folder.resolve("f"), new byte[5]),
        "it has 5 bytes, expected at least 8; it is truncated");
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "100000001"})
  void open_headerLengthOutOfRange_isRefused(long length) throws IOException {
    assertBroken(
        prefixed(length, 100),
        "its header claims "
            + length
            + " bytes, expected 2 to 100000000; it is not a safetensors file, or is damaged");
  }

  @Test
  void open_negativeHeaderLength_isShownUnsigned() throws IOException {
    assertBroken(
        prefixed(-1, 100),
        "its header claims 18446744073709551615 bytes, expected 2 to 100000000; it is not"
            + " a safetensors file, or is damaged");
  }

  @Test
  void open_headerLongerThanFile_saysTruncated() throws IOException {
    assertBroken(prefixed(50, 20), "its header claims 50 bytes, but 20 follow; it is truncated");
  }

  @Test
  void open_missingOrFolder_saysSo() {
    Path missing = folder.resolve("none");
    assertEquals(missing + " does not exist; check the path", message(missing));
    assertEquals(folder + " is a folder, expected a safetensors file", message(folder));
  }

  @Test
  void entry_unknownName_saysWhere() {
    SafetensorsFile file = SafetensorsFile.open(Golden.tiny("families/llama2/model.safetensors"));
    assertEquals(
        file.path() + " has no tensor 'x' among its 30",
        assertThrows(InputException.class, () -> file.entry("x")).getMessage());
  }

  @Test
  void open_hostileName_isShownOnOneShortLine() throws IOException {
    String name = "a\\u0000\\n" + "x".repeat(500);
    String message = message(write("{\"" + name + "\":1}", 0));
    assertTrue(message.contains("tensor 'a\\u0000\\u000axxx"), message);
    assertTrue(message.contains("xxx...' is '1'"), message);
    assertFalse(message.contains("\n"));
  }

  @Test
  void open_tenThousandMutants_onlyProjectErrors() throws IOException {
    long seed = 20261124;
    Random random = new Random(seed);
    byte[] sound = Files.readAllBytes(Golden.tiny("lora/all_r4/initial/adapter_model.safetensors"));
    byte[] small = Files.readAllBytes(write(SMALL, 16));
    Path file = folder.resolve("mutant");
    int refused = 0;
    for (int i = 0; i < 10_000; i++) {
      byte[] mutant = mutate(random, i % 10 == 0 ? sound : small);
      Files.write(file, mutant);
      try {
        for (Entry entry : SafetensorsFile.open(file).entries().values()) {
          assertTrue(entry.offset() + entry.length() <= mutant.length, "seed " + seed);
        }
      } catch (InputException e) {
        refused++;
        assertFalse(e.getMessage().contains("\n"));
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", mutant " + i, e);
      }
    }
    assertTrue(refused > 5_000, refused + " refused");
  }

  private static final String SMALL =
      "{\"__metadata__\":{\"format\":\"pt\"},"
          + "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
          + "\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[8,16]}}";

  private static byte[] mutate(Random random, byte[] sound) {
    byte[] bytes = sound.clone();
    int header = (int) ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).getLong();
    for (int n = 1 + random.nextInt(3); n > 0 && bytes.length > 0; n--) {
      int at = random.nextInt(Math.min(bytes.length, header + 8));
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) "0123456789[]{},:\"-\\ ".charAt(random.nextInt(20));
        case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 64));
        case 3 -> bytes[random.nextInt(Math.min(8, bytes.length))] = (byte) random.nextInt(256);
        case 4 -> {
          int length = Math.min(random.nextInt(40), bytes.length - at);
          System.arraycopy(bytes, at, bytes, random.nextInt(bytes.length - length + 1), length);
        }
        default -> bytes[at] = (byte) random.nextInt(256);
      }
    }
    return bytes;
  }

  private Path write(String header, int data) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + data).order(ByteOrder.LITTLE_ENDIAN);
    return Files.write(
        folder.resolve("f.safetensors"), bytes.putLong(text.length).put(text).array());
  }

  private Path prefixed(long length, int rest) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 + rest).order(ByteOrder.LITTLE_ENDIAN);
    return Files.write(folder.resolve("f"), bytes.putLong(length).array());
  }

  private static void assertBroken(Path file, String rule) {
    assertEquals(
        file + " is not a valid safetensors file: " + rule + "; download the file again",
        message(file));
  }

  private static String message(Path file) {
    return assertThrows(InputException.class, () -> SafetensorsFile.open(file)).getMessage();
  }
}
