package org.tune4j.plugins;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.tune4j.cli.TinyRun;

/** The type of adapters of docs/sample-adapter. */
class SampleAdapterIT extends SampleIT {
  SampleAdapterIT() {
    super("sample-adapter", "output-scale.jar");
  }

  @Test
  void scales_train_resumeMergeAndGenerate() throws IOException {
    Path model = TinyRun.in(dir).model();
    List<JsonNode> steps = assertResumes(model);
    double first = steps.get(0).get("loss").asDouble();
    assertTrue(steps.get(steps.size() - 1).get("loss").asDouble() < first, steps.toString());
    Path epoch = dir.resolve("whole/epoch_3");
    String config = Files.readString(epoch.resolve("adapter_config.json"));
    assertTrue(config.contains("\"peft_type\": \"OUTPUT_SCALE\""), config);
    Path merged = dir.resolve("merged");
    tune("merge", "--model", model, "--adapter", epoch, "-o", merged, "--backend", BACKEND);
    assertEquals(generate("--model", model, "--adapter", epoch), generate("--model", merged));
    int[] tokens = {1, 17, 300, 42, 5};
    double[] adapted = logits(model, epoch, tokens);
    assertArrayEquals(adapted, logits(merged, null, tokens), 1e-5);
    double[] base = logits(model, null, tokens);
    assertTrue(IntStream.range(0, base.length).anyMatch(i -> Math.abs(base[i] - adapted[i]) > 0.1));
    assertEquals(
        -1,
        Files.mismatch(merged.resolve("model.safetensors"), epoch.resolve("model.safetensors")));
  }

  @Test
  void training_startsFromASavedAdapter() throws IOException {
    Path model = TinyRun.in(dir).model();
    Path first = train(model, "first", "epochs=2");
    Path second =
        train(model, "second", "checkpointer.adapter_checkpoint=" + first.resolve("epoch_1"));
    double before = metrics(first).get(0).get("loss").asDouble();
    assertTrue(metrics(second).get(0).get("loss").asDouble() < before);
  }
}
