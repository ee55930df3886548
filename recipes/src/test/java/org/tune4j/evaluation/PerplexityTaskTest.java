package org.tune4j.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.TestBackend;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** What a text is foreseen from. The tokenizer has {@code <s>} 1, {@code </s>} 2, {@code A} 65. */
class PerplexityTaskTest {
  private static final Path MODEL =
      Path.of("../models/src/test/resources/golden/tiny/families/llama2");
  private static final String TEXT = "The end of it.";

  @TempDir Path folder;

  /** Asks the tiny model with a tokenizer of these files. */
  private double withModel(String config, String generation, ToDoubleFunction<LogLikelihoods> ask)
      throws IOException {
    Files.copy(Path.of("../docs/tiny/tokenizer.json"), folder.resolve("tokenizer.json"));
    Files.writeString(folder.resolve("tokenizer_config.json"), config);
    Files.writeString(folder.resolve("generation_config.json"), generation);
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope();
        InferenceModel model = InferenceModel.open(MODEL, folder, engine, DType.FP32)) {
      return ask.applyAsDouble(new LogLikelihoods(engine, scope, model.base(), model.tokenizer()));
    }
  }

  private static double scored(LogLikelihoods model) {
    JsonNode row = new ObjectMapper().createObjectNode().put("text", TEXT);
    TaskResult result = new PerplexityTask("perplexity", "text", null).run(model, List.of(row));
    return (double) result.samples().get(0).get("loglikelihood");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"bos_token": "<s>", "eos_token": "</s>"} | {}                       | 1
          {"bos_token": "A", "eos_token": "</s>"}   | {}                       | 65
          {"eos_token": "</s>"}                     | {}                       | 2
          {"eos_token": "A"}                        | {"eos_token_id": [1, 2]} | 65
          """)
  void run_foreseesTheFirstTokenFromBosElseEos(String config, String generation, int prefix)
      throws IOException {
    withModel(
        config,
        generation,
        model -> {
          double found = scored(model);
          assertEquals(model.rolling(prefix, TEXT), found, 1e-5);
          assertNotEquals(model.rolling(prefix + 1, TEXT), found, 1e-3);
          return found;
        });
  }

  @Test
  void run_neitherBosNorEos_saysWhatToSet() {
    InputException e =
        assertThrows(InputException.class, () -> withModel("{}", "{}", PerplexityTaskTest::scored));
    assertEquals(
        "task perplexity: the tokenizer has neither BOS nor EOS to begin a text with; set bos_token or eos_token in its tokenizer_config.json",
        e.getMessage());
  }
}
