package org.tune4j.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.tensor.DType;

class MetricsFileTest {
  @TempDir Path dir;

  @Test
  void append_writesExactlyTheDocumentedFieldsAtOnce() throws IOException {
    Path file = dir.resolve("logs/metrics.jsonl");
    try (MetricsFile metrics = MetricsFile.open(dir.resolve("logs"), 0, DType.FP32)) {
      metrics.append(
          new StepMetrics(1, 0, 2.5, 3e-4, 0.5, 10, 100, 2, 331, null, Map.of(), null, Map.of()));
      assertEquals(
          List.of(
              "{\"step\":1,\"epoch\":0,\"loss\":2.5,\"lr\":3.0E-4,\"grad_norm\":0.5,\"label_tokens\":10,"
                  + "\"tokens\":100,\"seconds\":2.0,\"tokens_per_second\":50.0,\"rss_mb\":331,\"compute\":\"fp32\"}"),
          Files.readAllLines(file));
    }
  }

  @Test
  void open_whereAFileLies_says() throws IOException {
    Path file = Files.createFile(dir.resolve("logs"));
    EnvironmentException e =
        assertThrows(EnvironmentException.class, () -> MetricsFile.open(file, 0, DType.FP32));
    assertEquals(
        file.resolve("metrics.jsonl")
            + " cannot be written: a file is in the place of a folder; choose another output_dir",
        e.getMessage());
  }
}
