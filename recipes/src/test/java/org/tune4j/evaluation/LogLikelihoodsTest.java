package org.tune4j.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.models.Decoder;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** What is kept of one context for the next changes no score. */
final class LogLikelihoodsTest {
  private static final List<String> ENDS = List.of(" cat", " dog that ran", " x");

  private final Engine engine = TestBackend.engine();

  @ParameterizedTest
  @ValueSource(strings = {"llama_biases", "lfm2", "qwen3_5", "granitemoehybrid"})
  void of_contextsWithACommonBegin_isThatOfEachAlone(String checkpoint) {
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = new TokenizerSpec(Path.of("../docs/tiny"), null).open(Path.of("."))) {
      Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
      LogLikelihoods reused = new LogLikelihoods(engine, scope, model, tokenizer);
      for (String context : List.of("I saw a big", "I saw a small", "I saw a small", "I saw")) {
        double[] alone = new LogLikelihoods(engine, scope, model, tokenizer).of(context, ENDS);
        assertArrayEquals(alone, reused.of(context, ENDS), 1e-4, context);
      }
    }
  }
}
