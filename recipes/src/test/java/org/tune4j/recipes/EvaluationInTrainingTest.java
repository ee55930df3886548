package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;
import org.tune4j.component.ByName;
import org.tune4j.runs.EvaluationOptions;

/** Tasks are run as a step of training, and change nothing of it. */
class EvaluationInTrainingTest {
  @TempDir Path temp;

  private Path task() throws IOException {
    Files.writeString(
        temp.resolve("rows.jsonl"),
        """
        {"question": "a", "choices": ["b", "cd"], "labels": [1, 0]}
        {"question": "e", "choices": ["b", "cd", "f"], "labels": [0, 1, 1]}
        """);
    return Files.writeString(
        temp.resolve("own.yaml"),
        """
        task: own
        data: rows.jsonl
        doc_to_text: "Q {{ question }} A"
        doc_to_choice: choices
        doc_to_target: labels
        metric: mc2
        """);
  }

  @Test
  void run_everyTwoSteps_logsScoresThatChange_andLeavesTheAdapterAsItIs() throws IOException {
    TinyRun run = new TinyRun();
    run.run(temp.resolve("plain"));
    run.evalTasks = List.of(task().toString());
    run.evalEvery = 2;
    run.run(temp.resolve("scored"));
    assertArrayEquals(run.weights(temp.resolve("plain")), run.weights(temp.resolve("scored")));

    List<JsonNode> steps = TinyRun.metrics(temp.resolve("scored"));
    for (JsonNode step : steps) {
      boolean due = step.get("step").asInt() % 2 == 0;
      assertEquals(due, step.has("eval_own_acc"), step.toString());
      assertEquals(due, step.has("eval_own_acc_stderr"), step.toString());
    }
    assertNotEquals(steps.get(1).get("eval_own_acc"), steps.get(3).get("eval_own_acc"));
  }

  @Test
  void run_missingData_isRefusedBeforeTraining() throws IOException {
    TinyRun run = new TinyRun();
    run.evalTasks = List.of("truthfulqa_mc2");
    run.evalEvery = 1;
    UsageException e = assertThrows(UsageException.class, () -> run.run(temp.resolve("out")));
    assertEquals(
        "task 'truthfulqa_mc2' needs a data file, in JSON Lines as the task's data set has it",
        e.getMessage());
  }

  @Test
  void options_oneWithoutTheOther_areRefused() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> new EvaluationOptions(List.of("perplexity"), null, 0, null, ByName.none()));
    assertEquals("eval_tasks without run_eval_every_n_steps; set both or neither", e.getMessage());
  }
}
