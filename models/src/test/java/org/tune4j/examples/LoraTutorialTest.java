package org.tune4j.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.models.GoldenFile;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

class LoraTutorialTest {
  @Test
  void run_onATinyCheckpoint_printsBothLayersAndTheCount() throws Exception {
    Engine engine = TestBackend.engine();
    StringBuilder out = new StringBuilder();
    try (TensorScope scope = engine.openScope()) {
      LoraTutorial.run(
          engine,
          TinyModels.config("llama2"),
          new GoldenFile("families/llama2/model.safetensors").tensors(engine),
          out);
    }
    assertEquals(
        """
        Attention(
          (q_proj): Linear(in=64, out=64)
          (k_proj): Linear(in=64, out=64)
          (v_proj): Linear(in=64, out=64)
          (o_proj): Linear(in=64, out=64)
        )
        Attention(
          (q_proj): Linear(
            in=64, out=64, LoraAdapter(rank=8, alpha=16.0, dropout=0.0)
            (lora_A): Linear(in=64, out=8)
            (lora_B): Linear(in=8, out=64)
          )
          (k_proj): Linear(in=64, out=64)
          (v_proj): Linear(
            in=64, out=64, LoraAdapter(rank=8, alpha=16.0, dropout=0.0)
            (lora_A): Linear(in=64, out=8)
            (lora_B): Linear(in=8, out=64)
          )
          (o_proj): Linear(in=64, out=64)
        )
        198,080 parameters, 6,144 trainable (3.10 %)
        """,
        out.toString());
  }

  @Test
  void readme_showsLinesOfTheTutorial() throws Exception {
    String readme = Files.readString(Path.of("../README.md"));
    String tutorial =
        Files.readString(Path.of("src/test/java/org/tune4j/examples/LoraTutorial.java"));
    String shown = readme.substring(readme.indexOf("```java") + 7);
    List<String> lines =
        shown.substring(0, shown.indexOf("```")).lines().map(String::strip).toList();
    assertTrue(lines.size() > 5, shown);
    for (String line : lines) {
      assertTrue(tutorial.contains(line), line);
    }
  }
}
