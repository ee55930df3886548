package org.tune4j.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;

/** NVIDIA's GPUs on this machine, counted before anything native is loaded. */
public final class Gpus {
  private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";

  private Gpus() {}

  /**
   * {@return how many this process may use, by Linux' files in {@code /dev} and {@code
   * CUDA_VISIBLE_DEVICES}; 0 on other systems, where a number has to be named}
   */
  public static int count() {
    return count(System.getenv(), Path.of("/dev"));
  }

  /**
   * How many a process may use.
   *
   * @param devices the folder of device files, {@code /dev}
   */
  static int count(Map<String, String> environment, Path devices) {
    int there;
    try (Stream<Path> files = Files.list(devices)) {
      there = (int) files.filter(f -> f.getFileName().toString().matches("nvidia\\d+")).count();
    } catch (IOException e) {
      return 0;
    }
    String visible = environment.get(VISIBLE);
    if (visible == null) {
      return there;
    }
    // As CUDA reads it: what follows the first that there is not, such as -1, does not count.
    long named =
        Arrays.stream(visible.split(","))
            .takeWhile(d -> !d.isBlank() && !d.strip().startsWith("-"))
            .count();
    return (int) Math.min(named, there);
  }
}
