package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.ShardPlan;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpoint.StoredTensor;

class WeightsFingerprintTest {
  private static final Path CONFIG =
      Path.of("../models/src/test/resources/golden/tiny/families/llama2/config.json");
  private static final int SMALL = 1000;
  private static final int LARGE = 3 << 20;

  @TempDir Path temp;
  private int folders;

  private final byte[] small = new byte[SMALL];
  private final byte[] large = new byte[LARGE];

  WeightsFingerprintTest() {
    Random random = new Random(1);
    random.nextBytes(small);
    random.nextBytes(large);
  }

  private static StoredTensor tensor(String name, List<Long> shape, byte[] bytes) {
    byte[] now = bytes.clone();
    return new StoredTensor(
        name, SafetensorsType.U8, shape, channel -> channel.write(ByteBuffer.wrap(now)));
  }

  private String print(String shardSize, StoredTensor... tensors) throws IOException {
    Path folder = Files.createDirectory(temp.resolve("folder" + folders++));
    Files.copy(CONFIG, folder.resolve("config.json"));
    ShardPlan.of(List.of(tensors), ShardSize.parse(shardSize)).write(folder);
    return WeightsFingerprint.of(HuggingFaceFolder.open(folder), "sizes");
  }

  private String both() throws IOException {
    return print(
        "5GB",
        tensor("a", List.of((long) SMALL), small),
        tensor("b", List.of((long) LARGE), large));
  }

  @Test
  void of_otherPlaceAndShards_isTheSame() throws IOException {
    String expected = both();
    assertEquals(expected, both());
    assertEquals(
        expected,
        print(
            "1KB",
            tensor("b", List.of((long) LARGE), large),
            tensor("a", List.of((long) SMALL), small)));
  }

  @Test
  void of_anyByteOfASmallTensor_changes() throws IOException {
    List<String> prints = new ArrayList<>(List.of(both()));
    for (int at : new int[] {0, 1, SMALL / 2, SMALL - 1}) {
      small[at] ^= 1;
      prints.add(both());
      small[at] ^= 1;
    }
    assertEquals(prints.size(), prints.stream().distinct().count(), prints.toString());
  }

  @Test
  void of_anEndOrASixteenthOfALargeTensor_changes() throws IOException {
    String before = both();
    for (int at : new int[] {0, LARGE - 1}) {
      large[at] ^= 1;
      assertNotEquals(before, both(), "byte " + at);
      large[at] ^= 1;
    }
    for (int part = 0; part < 16; part++) {
      byte[] kept = large.clone();
      for (int i = part * LARGE / 16; i < (part + 1) * LARGE / 16; i++) {
        large[i] ^= 1;
      }
      assertNotEquals(before, both(), "part " + part);
      System.arraycopy(kept, 0, large, 0, LARGE);
    }
    assertEquals(before, both());
  }

  @Test
  void of_otherNamesShapesAndSizes_changes() throws IOException {
    List<Long> flat = List.of((long) SMALL);
    List<String> prints =
        Arrays.asList(
            print("5GB", tensor("a", flat, small)),
            print("5GB", tensor("b", flat, small)),
            print("5GB", tensor("a", List.of(10L, SMALL / 10L), small)),
            print("5GB", tensor("a", flat, small), tensor("b", flat, small)),
            WeightsFingerprint.of(HuggingFaceFolder.open(temp.resolve("folder0")), "other"));
    assertEquals(prints.size(), prints.stream().distinct().count(), prints.toString());
  }
}
