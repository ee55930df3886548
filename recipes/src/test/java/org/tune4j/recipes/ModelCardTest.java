package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every result of a run tells what it is. */
class ModelCardTest {
  @TempDir Path temp;

  private TinyRun run() {
    TinyRun run = new TinyRun();
    run.validation = TinyRun.rows(2, 3);
    run.validateEvery = 2;
    run.moreSettings =
        Map.of(
            "dataset._component_",
            "alpaca_dataset",
            "dataset.data_files",
            "['%s', 'C:\\secret\\b.json']".formatted(temp.resolve("a b/rows.json")),
            "dataset.source",
            "hf://datasets/tatsu-lab/alpaca",
            "metric_logger.log_dir",
            temp.toString());
    return run;
  }

  private static String card(Path out, String name) throws IOException {
    return Files.readString(out.resolve(name).resolve("README.md"));
  }

  @Test
  void save_adapter_tellsLossesScoresAndSettings() throws IOException {
    Path out = temp.resolve("out");
    run().run(out);
    List<JsonNode> steps = TinyRun.metrics(out);
    List<String> losses = new ArrayList<>();
    double least = Double.POSITIVE_INFINITY;
    for (JsonNode m : steps) {
      boolean validated = m.has("val_loss");
      String loss = String.format(Locale.ROOT, "%.4f", m.get("loss").asDouble());
      losses.add(
          "| %d | %s | %s |"
              .formatted(
                  m.get("step").asInt(),
                  loss,
                  validated
                      ? String.format(Locale.ROOT, "%.4f", m.get("val_loss").asDouble())
                      : ""));
      least = validated ? Math.min(least, m.get("val_loss").asDouble()) : least;
    }
    String expected =
        """
        ---
        library_name: peft
        pipeline_tag: text-generation
        tags:
        - tune4j
        - lora
        ---

        # Adapter of llama2

        A PEFT adapter of llama2 by Tune4J: 203,648 parameters, 11,712 trainable (5.75 %%), %d steps on %d tokens.

        ## Scores

        | score | value |
        | --- | --- |
        | least validation loss | %.4f |

        ## Loss

        | step | loss | validation loss |
        | --- | --- | --- |
        %s

        ## Hyper-parameters

        ```yaml
        batch_size: 1
        dataset._component_: alpaca_dataset
        dataset.data_files: ['rows.json', 'b.json']
        dataset.source: hf://datasets/tatsu-lab/alpaca
        epochs: 2
        gradient_accumulation_steps: 2
        model.lora_dropout: 0.0
        optimizer.lr: 0.01
        seed: 7
        ```
        """
            .formatted(
                steps.size(),
                steps.stream().mapToLong(m -> m.get("tokens").asLong()).sum(),
                least,
                String.join("\n", losses));
    assertEquals(expected, card(out, "epoch_1"));
    assertTrue(card(out, "best").contains("least validation loss"));
    assertTrue(Files.readString(out.resolve("epoch_1/manifest.json")).contains("README.md"));
  }

  @Test
  void save_fullModel_isNoAdapter_andEqualRunsSayTheSame() throws IOException {
    TinyRun run = run();
    run.full = true;
    run.run(temp.resolve("one"));
    run.run(temp.resolve("two"));
    String card = card(temp.resolve("one"), "epoch_1");
    assertEquals(card, card(temp.resolve("two"), "epoch_1"));
    assertTrue(card.contains("library_name: transformers\n"), card);
    assertTrue(card.contains("\n# Fine-tuned llama2\n"), card);
    assertFalse(card.contains("lora\n"), card);
  }
}
