package org.tune4j.plugins;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.cli.TinyRun;

/** The model family of docs/sample-model. */
class SampleModelIT extends SampleIT {
  SampleModelIT() {
    super("sample-model", "parallel-model.jar");
  }

  @Test
  void logits_areThoseOfLoops() throws IOException {
    TinyParallel tiny = new TinyParallel(7);
    Path model = tiny.write(dir.resolve("parallel"));
    int[] tokens = {1, 17, 300, 42, 5};
    assertArrayEquals(tiny.logits(tokens), logits(model, null, tokens), 1e-5);
  }

  @Test
  void adapters_train_resumeAndGenerate() throws IOException {
    Path model = new TinyParallel(7).write(dir.resolve("parallel"));
    List<JsonNode> steps = assertResumes(model);
    double first = steps.get(0).get("loss").asDouble();
    assertTrue(steps.get(steps.size() - 1).get("loss").asDouble() < first, steps.toString());
    Path epoch = dir.resolve("whole/epoch_3");
    String tuned = generate("--model", model, "--adapter", epoch);
    assertEquals(tuned, generate("--model", epoch));
    assertNotEquals(tuned, generate("--model", model));
    String config = Files.readString(epoch.resolve("adapter_config.json"));
    assertTrue(config.contains("\"fc_in\""), config);
  }

  @Test
  void allWeights_train() throws IOException {
    Path model = new TinyParallel(7).write(dir.resolve("parallel"));
    Path out = dir.resolve("full");
    String said =
        tune(
            "run",
            "full_finetune_single_device",
            "--config",
            project.resolve("parallel.yaml"),
            "~model",
            "model=auto_model",
            "checkpointer.checkpoint_dir=" + model,
            "dataset.data_files=" + TinyRun.in(dir).rows(),
            "output_dir=" + out,
            "backend=" + BACKEND);
    assertTrue(said.contains("saved "), said);
    assertNotEquals(generate("--model", model), generate("--model", out.resolve("epoch_0")));
  }
}
