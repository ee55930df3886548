package org.tune4j.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpusTest {
  @TempDir Path dev;

  private int count(Map<String, String> environment) {
    return Gpus.count(environment, dev);
  }

  @Test
  void count_ofDeviceFiles_leavesControlFilesOut() throws Exception {
    assertEquals(0, count(Map.of()));
    for (String file : List.of("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm")) {
      Files.createFile(dev.resolve(file));
    }
    assertEquals(3, count(Map.of()));
  }

  @Test
  void count_withVisibleDevices_isWhatTheyName() throws Exception {
    for (int i = 0; i < 4; i++) {
      Files.createFile(dev.resolve("nvidia" + i));
    }
    assertEquals(2, count(Map.of("CUDA_VISIBLE_DEVICES", "3, 1")));
    assertEquals(0, count(Map.of("CUDA_VISIBLE_DEVICES", "")));
    assertEquals(0, count(Map.of("CUDA_VISIBLE_DEVICES", "-1")));
    assertEquals(1, count(Map.of("CUDA_VISIBLE_DEVICES", "2,-1,3")));
    assertEquals(4, count(Map.of("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5")));
  }

  @Test
  void count_withoutTheFolder_isNone() {
    assertEquals(0, Gpus.count(Map.of(), dev.resolve("missing")));
  }
}
