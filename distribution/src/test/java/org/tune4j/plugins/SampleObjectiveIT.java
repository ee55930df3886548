package org.tune4j.plugins;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.cli.TinyRun;

/** The objective of docs/sample-objective. */
class SampleObjectiveIT extends SampleIT {
  SampleObjectiveIT() {
    super("sample-objective", "margin-loss.jar");
  }

  @Test
  void pairs_growApart_resumeAndGenerate() throws IOException {
    TinyRun tiny = TinyRun.in(dir);
    Files.writeString(
        tiny.rows(),
        """
        {"instruction": "a", "output": "six"}
        {"instruction": "a", "output": "one"}
        {"instruction": "b", "output": "ten"}
        {"instruction": "b", "output": "two"}
        """);
    List<JsonNode> steps = assertResumes(tiny.model());
    assertEquals(8, steps.size());
    JsonNode last = steps.get(7);
    assertEquals(1, last.get("accuracy").asDouble(), last.toString());
    assertEquals(0, last.get("loss").asDouble(), last.toString());
    assertNotEquals(0, steps.get(0).get("loss").asDouble());
    Path adapter = dir.resolve("whole/epoch_3");
    assertNotEquals(
        generate("--model", tiny.model()), generate("--model", tiny.model(), "--adapter", adapter));
  }
}
